'use strict';
const assert = require('node:assert');
const { execFile, spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const test = require('node:test');
const hx = require('hx');
const { ready, key, options, shared, raw, start, tool, meet, all, failure, descriptors, threads } = require('./fixture');

test('both sides prove the key, and name each other', async () => {
  await ready;
  const events = [];
  const listener = await hx.listen('labelled', { ...options(), keys: `${key} laptop`, onEvent: (e) => events.push(e) });
  const [near, far] = await Promise.all([hx.connect('labelled', { ...options(), name: 'me' }), listener.accept()]);
  await Promise.all([near.handshake(), far.handshake()]);
  assert.strictEqual(far.peerLabel, 'laptop');
  assert.notStrictEqual(far.peerKey, '');
  assert.strictEqual(far.peerName, 'me');
  assert.strictEqual(near.peerName, 'labelled');
  assert.match(near.peerAddress, /:\d+$/);
  assert.match(near.path.address, /:\d+$/);
  assert.notStrictEqual(near.path.kind, '');
  assert.match(listener.externalAddress, /^127\.0\.0\.1:\d+$/);
  assert.deepStrictEqual(events.map((e) => e.kind), ['bound', 'peer', 'punched']);
  assert.strictEqual(events[1].name, 'me');
  near.destroy();
  far.destroy();
  listener.close();
});

test('a wrong key is refused on both sides, and the text says what to do', async () => {
  await ready;
  const near = await hx.connect('shared', { ...options(), keys: hx.generateKey() });
  const far = await shared().accept();
  const errors = await Promise.all([failure(near.handshake()), failure(all(far))]);
  for (const error of errors) {
    assert.strictEqual(error.code, 'HX_EAUTH');
    assert.match(error.message, /does not have the key: give both sides the same key/);
  }
  near.destroy();
});

test("a device's key is read where the tool puts it, unless others can read it", async () => {
  await ready;
  const deviceKey = hx.generateDeviceKey();
  assert.match(hx.deviceKeyPublic(deviceKey), /^ed25519:[A-Za-z0-9_-]{43}$/);
  assert.throws(() => hx.deviceKeyPublic('mistyped'), { code: 'HX_EINVAL' });
  assert.strictEqual((await failure(hx.connect('nobody', { ...options(), deviceKey: 'mistyped' }))).code, 'HX_EINVAL');
  assert.strictEqual((await failure(hx.connect('nobody', { ...options(), deviceKey }))).code, 'HX_ENOTFOUND');
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'hx-device-'));
  const before = process.env.XDG_CONFIG_HOME;
  process.env.XDG_CONFIG_HOME = home;
  try {
    fs.mkdirSync(path.join(home, 'hx'));
    fs.writeFileSync(path.join(home, 'hx', 'device.key'), `${deviceKey}\n`, { mode: 0o644 });
    assert.match((await failure(hx.connect('nobody', options()))).message, /chmod 600/);
    fs.chmodSync(path.join(home, 'hx', 'device.key'), 0o600);
    assert.strictEqual((await failure(hx.connect('nobody', options()))).code, 'HX_ENOTFOUND');
    fs.writeFileSync(path.join(home, 'hx', 'device.key'), 'mistyped');
    assert.match((await failure(hx.connect('nobody', options()))).message, /device\.key holds no key of a device.*hx key --device FILE/);
  } finally {
    if (before === undefined) delete process.env.XDG_CONFIG_HOME;
    else process.env.XDG_CONFIG_HOME = before;
    fs.rmSync(home, { recursive: true });
  }
});

test('a name that nobody holds is not found, and the text says what to do', async () => {
  await ready;
  const error = await failure(hx.connect('nobody', options()));
  assert.ok(error instanceof hx.HxError);
  assert.strictEqual(error.code, 'HX_ENOTFOUND');
  assert.match(error.message, /^hx: connect "nobody": nobody holds that name \(".*"\): start the listener/);
});

test('a name that is held is a conflict; closed, it is free again', async () => {
  await ready;
  const { child } = await start('hx', ['bind', 'held', '-v', '--echo'], 'bound held', 'stderr');
  assert.strictEqual((await failure(hx.listen('held', options()))).code, 'HX_ECONFLICT');
  child.kill();
  const listener = await hx.listen('brief', options());
  const accepted = failure(listener.accept());
  listener.close();
  assert.strictEqual((await accepted).code, 'HX_ECANCELED');
  (await hx.listen('brief', options())).close();
});

test('wait waits for the name, and connections come as events', async () => {
  await ready;
  const waiting = hx.connect('later', { ...options(), wait: 30000 });
  const listener = await hx.listen('later', options());
  const [[far], near] = await Promise.all([once(listener, 'connection'), waiting]);
  far.end('hello');
  assert.strictEqual(String(await all(near)), 'hello');
  near.destroy();
  listener.close();
  await once(listener, 'close');
});

test('an abort ends a connect that waits', async () => {
  await ready;
  const error = await failure(hx.connect('never', { ...options(), wait: 1000, timeout: 1000, signal: AbortSignal.timeout(20) }));
  assert.strictEqual(error.name, 'TimeoutError');
  const time = await failure(hx.connect('never', { ...options(), wait: 1000, timeout: 20 }));
  assert.strictEqual(time.code, 'HX_ETIMEDOUT');
});

test('options that are missing or wrong are told', async () => {
  await ready;
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'hx-test-node.'));
  const saved = { ...process.env };
  const message = async (o) => {
    const error = await failure(hx.listen('x', o));
    assert.strictEqual(error.code, 'HX_EINVAL');
    return error.message;
  };
  try {
    delete process.env.HX_NAMESERVER;
    delete process.env.HX_KEY;
    process.env.XDG_CONFIG_HOME = home;
    assert.match(await message({}), /HX_NAMESERVER/);
    process.env.HX_NAMESERVER = options().nameserver;
    assert.match(await message({}), /`hx key` makes one/);
    assert.match(await message({ timeOut: 1 }), /timeOut/);
    assert.match(await message({ family: 5 }), /family cannot be 5/);
    assert.match(await message({ localPort: 65536 }), /localPort cannot be 65536/);
    assert.match(await message({ insecure: true, keys: key }), /choose one/);
    assert.match(await message({ keys: 'no key' }), /the keys/);
    assert.match(await message({ keys: `${key}\0` }), /the option keys/);
    for (const name of [undefined, 5, 'shared\0x']) {
      assert.match((await failure(hx.connect(name, { keys: key }))).message, /^hx: connect: a name is a string without a NUL, not /);
    }
    assert.match(await message({ keyFile: `${home}/none` }), /no such file/);
    fs.mkdirSync(`${home}/hx`);
    fs.writeFileSync(`${home}/hx/key`, `${key} label\n`, { mode: 0o644 });
    assert.match(await message({}), /chmod 600/);
    fs.chmodSync(`${home}/hx/key`, 0o600);
    (await hx.listen('x', { noPortMapping: true })).close();
    process.env.HX_KEY = key;
    (await hx.listen('x', { noPortMapping: true })).close();
  } finally {
    fs.rmSync(home, { recursive: true });
    for (const name of ['HX_NAMESERVER', 'HX_KEY', 'XDG_CONFIG_HOME']) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  }
});

test('each error has a text that says what to do', () => {
  for (let errno = -1; errno >= -24; errno--) {
    const error = new hx.HxError(errno, 'connect', 'home');
    assert.match(error.code, /^HX_E[A-Z]+$/);
    assert.match(error.message, /^hx: connect "home": (?!unknown).+: .{8,}$/);
  }
  assert.match(new hx.HxError(-25, 'connect').message, /unknown error$/, 'hx.h has one more');
});

test('10 MB through hx bind --bare --echo come back the same', async () => {
  await ready;
  const data = crypto.randomBytes(10000000);
  const { child } = await start('hx', ['bind', 'echo', '-v', '--echo', '--bare'], 'bound echo', 'stderr');
  const stream = await hx.connect('echo', options());
  stream.end(data);
  assert.ok((await all(stream)).equals(data));
  await once(stream, 'close');
  child.kill();
});

test('10 MB of hx connect come back the same from a listener', async () => {
  await ready;
  const data = crypto.randomBytes(10000000);
  const listener = await hx.listen('back', raw());
  listener.on('connection', (stream) => stream.pipe(stream));
  const child = tool(['connect', 'back', '--insecure']);
  child.stdin.end(data);
  const got = await all(child.stdout);
  assert.ok(got.equals(data), `${got.length} bytes`);
  listener.close();
});

test('HTTP is served and asked for through it', async () => {
  await ready;
  const listener = await hx.listen('web', options());
  const server = http.createServer((request, response) => request.pipe(response));
  listener.on('connection', (stream) => server.emit('connection', stream));
  const body = crypto.randomBytes(1 << 20);
  const request = http.request({ method: 'POST', createConnection: (_, made) => {
    hx.connect('web', options()).then((stream) => made(null, stream), made);
  } });
  request.end(body);
  const [response] = await once(request, 'response');
  assert.ok((await all(response)).equals(body));
  listener.close();
});

test('streams that are opened and closed leave nothing behind', async () => {
  const cycle = async () => {
    const [near, far] = await meet();
    const closed = [once(near, 'close'), once(far, 'close')];
    near.end('x');
    far.end(await all(far));
    await all(near);
    await Promise.all(closed);
  };
  for (let i = 0; i < 5; i++) await cycle();
  const before = [descriptors(), threads()];
  for (let i = Number(process.env.HX_TEST_CYCLES) || 100; i > 0; i--) await cycle();
  assert.ok(descriptors() <= before[0] + 4, `${descriptors()} descriptors, before ${before[0]}`);
  assert.ok(threads() <= before[1] + 4, `${threads()} threads, before ${before[1]}`);
});

test('streams that wait hold no thread', async () => {
  const before = threads();
  const pairs = [];
  for (let i = 0; i < 20; i++) pairs.push(await meet());
  for (const stream of pairs.flat()) stream.resume();
  assert.ok(threads() <= before + 4, `${threads()} threads, before ${before}`);
  for (const stream of pairs.flat()) stream.destroy();
});

test('without a descriptor left a connection fails or is dropped, and the process goes on', async () => {
  await ready;
  const script = `
    const fs = require('fs');
    const hx = require('hx');
    const options = ${JSON.stringify(options())};
    (async () => {
      const listener = await hx.listen('few', options);
      listener.on('connection', (stream) => stream.resume().on('error', () => {}));
      listener.on('drop', (error) => console.log('dropped', error.code));
      const good = await hx.connect('few', options);
      await good.handshake();
      const filled = [];
      const fill = () => { try { for (;;) filled.push(fs.openSync('/dev/null')); } catch (error) { /* EMFILE */ } };
      fill();
      fs.closeSync(filled.pop());
      await hx.connect('few', options).then(() => console.log('connected'), (error) => console.log('failed', error.code));
      for (const fd of filled) fs.closeSync(fd);
      const again = await hx.connect('few', options);
      await again.handshake();
      console.log('again');
      for (const stream of [good, again]) stream.destroy();
      listener.close();
    })();`;
  const { stdout } = await promisify(execFile)('bash', ['-c', 'ulimit -n 100; exec "$0" -e "$1"', process.execPath, script],
    { timeout: 60000 });
  assert.match(stdout, /^failed HX_ESYS$/m);
  assert.match(stdout, /^again$/m);
});

test('a process ends when nothing is open, and says nothing', async () => {
  await ready;
  const script = `
    const hx = require('hx');
    (async () => {
      const stream = await hx.connect('ends', ${JSON.stringify(options())});
      stream.end('x');
      stream.resume();
    })();`;
  const listener = await hx.listen('ends', options());
  listener.on('connection', (stream) => stream.pipe(stream));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 60000 });
  assert.strictEqual(stdout + stderr, '');
  listener.close();
});

test('a worker has streams of its own, and ends with some open', async () => {
  await ready;
  const worker = new Worker(`
    const hx = require('hx');
    const { parentPort, workerData } = require('node:worker_threads');
    hx.connect('shared', workerData).then((stream) => {
      stream.write('x');
      stream.resume();
      parentPort.postMessage('connected');
    });`, { eval: true, workerData: options() });
  const [far] = await Promise.all([shared().accept(), once(worker, 'message')]);
  await once(far, 'data');
  assert.strictEqual(await worker.terminate(), 1);
  far.on('error', () => {});
  far.destroy();
  const [left, right] = await meet();
  left.end('still here');
  assert.strictEqual(String(await all(right)), 'still here');
  left.destroy();
});

test('workers that are ended at any moment end, and the process lives on', async () => {
  await ready;
  const child = spawn(process.execPath, ['-e', `
    const { Worker } = require('node:worker_threads');
    const { setTimeout: sleep } = require('node:timers/promises');
    const busy = \`(async () => {
      const hx = require('hx');
      const options = require('node:worker_threads').workerData;
      const ignore = () => {};
      const listener = await hx.listen(options.name, options);
      listener.on('connection', (stream) => { stream.on('error', ignore).pipe(stream); });
      for (;;) {
        hx.connect('nobody', { ...options, wait: 3000 }).catch(ignore);
        const stream = await hx.connect(options.name, options);
        stream.on('error', ignore).resume();
        stream.write(Buffer.alloc(300000));
      }
    })()\`;
    (async () => {
      for (let i = 0; i < 12; i++) {
        const worker = new Worker(busy, { eval: true, workerData: { ...${JSON.stringify(options())}, name: 'worker' + i } });
        await sleep(25 + 10 * i);
        await worker.terminate();
      }
    })();`]);
  child.stderr.pipe(process.stderr);
  assert.deepStrictEqual(await once(child, 'exit'), [0, null]);
});

test('when the last worker is terminated, and the addon goes with it, none of its threads is left', async () => {
  await ready;
  const child = spawn(process.execPath, ['-e', `
    const { Worker } = require('node:worker_threads');
    const waiting = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const hx = require('hx');
      for (let i = 0; i < 200; i++) hx.connect('nobody', { ...workerData, wait: 20000 }).catch(() => {});
      setTimeout(() => parentPort.postMessage('all wait'), 50);\`;
    (async () => {
      for (let i = 0; i < 6; i++) {
        const worker = new Worker(waiting, { eval: true, workerData: ${JSON.stringify(options())} });
        await new Promise((resolve) => { worker.once('message', resolve); });
        await worker.terminate();
      }
    })();`]);
  child.stderr.pipe(process.stderr);
  assert.deepStrictEqual(await once(child, 'exit'), [0, null]);
});

test('a process that is killed by an exception ends at once', async () => {
  await ready;
  const script = `
    const hx = require('hx');
    hx.listen('thrown', { ...${JSON.stringify(options())}, onEvent() { throw new Error('mine'); } });`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { timeout: 60000, encoding: 'utf8' });
  assert.strictEqual(status, 1);
  assert.match(stderr, /Error: mine/);
});
