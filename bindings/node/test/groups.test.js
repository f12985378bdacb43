'use strict';
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const test = require('node:test');
const hx = require('hx');
const { ready, key, options, all, failure } = require('./fixture');

/** A member in a process of its own; `ended` is its exit status, when all others have ended, too. */
function member(session, expect, name) {
  const child = spawn(process.execPath, [path.join(__dirname, '../examples/chat.js'), session, String(expect), name],
    { env: { ...process.env, HX_NAMESERVER: options().nameserver, HX_KEY: key } });
  let said = '';
  child.stdout.on('data', (piece) => { said += piece; });
  child.stderr.resume();
  return {
    say: () => child.stdin.end(`hello from ${name}\n`),
    ended: once(child, 'close').then(([status]) => ({ status, said })),
  };
}

test('three meet: each is connected to each, by name, and what is said arrives', async () => {
  await ready;
  const events = [];
  const group = await hx.join('three', 3, { ...options(), name: 'bob', onEvent: (e) => events.push(e.kind) });
  const others = [member('three', 3, 'ann'), member('three', 3, 'cat')];
  await group.wait({ timeout: 60000 });
  assert.deepStrictEqual(group.state, { expect: 3, here: 3, connected: 2 });
  const streams = [await group.next(), await group.next()];
  for (const { say } of others) say();
  const said = Object.fromEntries(await Promise.all(streams.map(async (stream) => {
    assert.notStrictEqual(stream.peerKey, '', 'its key is proven');
    stream.write('hello from bob\n');
    stream.end();
    return [stream.peerName, String(await all(stream))];
  })));
  assert.deepStrictEqual(said, { ann: 'hello from ann\n', cat: 'hello from cat\n' });
  const [ann, cat] = await Promise.all(others.map(({ ended }) => ended));
  assert.deepStrictEqual(ann.said.split('\n').sort(), ['', 'bob: hello from bob', 'cat: hello from cat']);
  assert.deepStrictEqual(cat.said.split('\n').sort(), ['', 'ann: hello from ann', 'bob: hello from bob']);
  assert.strictEqual(ann.status + cat.status, 0);
  for (const event of ['joined', 'memberJoined', 'punched']) assert.ok(events.includes(event), `${events}`);
  group.leave();
});

test('a group that is not complete says how many are here, and goes on', async () => {
  await ready;
  const group = await hx.join('two', 2, { ...options(), name: 'only' });
  const error = await failure(group.wait({ timeout: 30 }));
  assert.strictEqual(error.code, 'HX_ETIMEDOUT');
  assert.match(error.message, /1 of 2 are here, 0 connected.*wait longer, or go on/);
  assert.strictEqual((await failure(group.wait({ signal: AbortSignal.timeout(10) }))).name, 'TimeoutError');
  const waiting = [failure(group.wait()), failure(group.next())];
  group.leave();
  for (const left of await Promise.all(waiting)) assert.strictEqual(left.code, 'HX_ECANCELED');
  group.leave();
});

test('what a member cannot be is told', async () => {
  await ready;
  const refused = async (expect, more) => {
    const error = await failure(hx.join('wrong', expect, { ...options(), name: 'x', ...more }));
    assert.strictEqual(error.code, 'HX_EINVAL');
    assert.match(error.message, /`name`, which must be given, at `expect` \(2 to 64\)/);
  };
  await refused(1);
  await refused(65);
  await refused(2, { name: undefined });
  const group = await hx.join('names', 2, { ...options(), name: 'watch' });
  const other = member('names', 2, 'taken');
  const stream = await group.next();
  const error = await failure(hx.join('names', 2, { ...options(), name: 'taken' }));
  assert.strictEqual(error.code, 'HX_ECONFLICT');
  assert.match(error.message, /choose another `name`/);
  other.say();
  stream.end();
  await all(stream);
  assert.strictEqual((await other.ended).status, 0);
  group.leave();
});
