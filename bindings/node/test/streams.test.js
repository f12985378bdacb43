'use strict';
const assert = require('node:assert');
const crypto = require('node:crypto');
const { once } = require('node:events');
const { finished, pipeline } = require('node:stream/promises');
const { setTimeout: sleep } = require('node:timers/promises');
const test = require('node:test');
const { meet, all, failure } = require('./fixture');

test('what is written on one side is read on the other, each way at once', async () => {
  const [near, far] = await meet();
  const one = crypto.randomBytes(1 << 20), two = crypto.randomBytes(1 << 20);
  near.end(one);
  far.end(two);
  const [atNear, atFar] = await Promise.all([all(near), all(far)]);
  assert.ok(atFar.equals(one) && atNear.equals(two));
});

test('after both ends close says that the peer has read all', async () => {
  const [near, far] = await meet();
  const closed = [once(near, 'close'), once(far, 'close')];
  near.end('question');
  assert.strictEqual(String(await all(far)), 'question');
  assert.ok(!far.writableEnded, 'the peer\'s end leaves our direction open');
  far.end('answer');
  assert.strictEqual(String(await all(near)), 'answer');
  await Promise.all(closed);
  assert.strictEqual(near.errored, null);
});

test('with allowHalfOpen false the peer\'s end is ours, too', async () => {
  const [near, far] = await meet({ allowHalfOpen: false });
  near.resume();
  far.end();
  await all(far);
  await finished(near);
});

test('who does not read keeps the writer back, and loses nothing', async () => {
  const [near, far] = await meet();
  const piece = crypto.randomBytes(1 << 20);
  const count = 96; // more than what is on the way, which is 65 MB at most
  let drained = false;
  near.once('drain', () => { drained = true; });
  for (let i = 0; i < count; i++) near.write(piece);
  await sleep(50);
  assert.ok(!drained && near.writableLength > 0, 'it is not drained while nobody reads');
  assert.ok(far.readableLength <= far.readableHighWaterMark + (256 << 10), 'nor does the reader take all');
  near.end();
  const got = await all(far);
  assert.strictEqual(got.length, count * piece.length);
  for (let at = 0; at < got.length; at += piece.length) assert.ok(got.subarray(at, at + piece.length).equals(piece));
});

test('a pipeline passes bytes, and an error to all of it', async () => {
  const [near, far] = await meet();
  const echo = pipeline(far, far);
  const data = crypto.randomBytes(3000000);
  near.end(data);
  assert.ok((await all(near)).equals(data));
  await echo;
  const [left, right] = await meet();
  const broken = failure(pipeline(right, right));
  left.write('x');
  await once(left, 'data');
  left.destroy();
  assert.strictEqual((await broken).code, 'HX_ECLOSED');
});

test('a stream that breaks off is no end', async () => {
  const [near, far] = await meet();
  near.write('half a sen');
  await once(far, 'data');
  near.destroy();
  const [error] = await once(far, 'error');
  assert.strictEqual(error.code, 'HX_ECLOSED');
  assert.match(error.message, /^hx: read: connection closed: bytes may be missing/);
});

test('destroy wakes who reads and who writes', async () => {
  const [near] = await meet();
  near.on('error', assert.fail);
  const read = failure(all(near));
  const write = new Promise((resolve) => { near.write(Buffer.alloc(256 << 20), resolve); });
  await sleep(10);
  near.destroy();
  assert.match((await read).message, /closed before the end/);
  assert.ok(await write instanceof Error);
  await assert.rejects(near.handshake(), { code: 'HX_ECANCELED' });
});

test('small writes are gathered, and arrive in order', async () => {
  const [near, far] = await meet();
  let want = '';
  for (let i = 0; i < 5000; i++) {
    near.write(`${i}\n`);
    want += `${i}\n`;
  }
  near.end();
  far.setEncoding('utf8');
  let got = '';
  for await (const piece of far) got += piece;
  assert.strictEqual(got, want);
});

test('setTimeout tells of silence', async () => {
  const [near, far] = await meet();
  near.setTimeout(20);
  near.resume();
  far.write('x');
  const alive = setInterval(() => {}, 1000); // it keeps no process
  await once(near, 'timeout');
  clearInterval(alive);
  near.destroy();
  far.destroy();
});
