'use strict';
// What the tests share: a nameserver of their own, and pairs of streams.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after } = require('node:test');
const hx = require('hx');

const programs = process.env.HX_PROGRAMS;
const key = hx.generateKey();
let options;
let shared;

/** A child that ends with the tests, and the first line of its output (or errors) that has `text`. */
async function start(program, args, text, from = 'stdout') {
  const child = spawn(path.join(programs, program), args, {
    env: { ...process.env, HX_NAMESERVER: options?.nameserver, HX_KEY: key },
  });
  process.on('exit', () => child.kill('SIGKILL'));
  let said = '';
  for await (const piece of child[from].iterator({ destroyOnReturn: false })) {
    said += piece;
    if (said.includes(text)) break;
  }
  child[from].resume();
  return { child, line: said.split('\n').find((line) => line.includes(text)) };
}

const ready = (async () => {
  const { child, line } = await start('hx-nameserver',
    ['--listen', '127.0.0.1:0', '--introductions-per-source', '0', '--introductions-per-name', '0'], 'listening on');
  options = { nameserver: line.split(' ')[2], keys: key, noPortMapping: true };
  shared = await hx.listen('shared', options);
  after(() => {
    shared.close();
    child.kill();
  });
})();

/** Both ends of a new connection, whose keys are proven. */
async function meet(more = {}) {
  await ready;
  const [near, far] = await Promise.all([hx.connect('shared', { ...options, ...more }), shared.accept()]);
  await Promise.all([near.handshake(), far.handshake()]);
  return [near, far];
}

/** A command of the hx program, which knows nameserver and key. */
function tool(args) {
  const child = spawn(path.join(programs, 'hx'), args, {
    env: { ...process.env, HX_NAMESERVER: options.nameserver, HX_KEY: key },
  });
  child.stderr.pipe(process.stderr);
  return child;
}

/** All that comes. Not by `for await`, which destroys the stream after the end. */
function all(stream) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.once('end', () => resolve(Buffer.concat(pieces)));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('closed before the end')));
  });
}

/** What the promise fails with. */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it does not fail');
}

const raw = () => ({ ...options, keys: undefined, insecure: true });
const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const threads = () => fs.readdirSync('/proc/self/task').length;

module.exports = { ready, key, options: () => options, shared: () => shared, raw, start, tool, meet, all, failure, descriptors, threads };
