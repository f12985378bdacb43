'use strict';
// hx: connections between two hosts that both are behind NATs, found by name. README.md and index.d.ts tell
// what there is.
const { inspect } = require('node:util');
const native = require('./lib/native');
const { HxError, invalid, INVALID } = require('./lib/errors');
const { configOf, isText } = require('./lib/config');
const { Handler } = require('./lib/events');
const { Group } = require('./lib/group');
const { Listener } = require('./lib/listener');
const { Stream } = require('./lib/stream');

/** Calls `start(config, handler's number, name, back)` and makes something of what it gives. */
async function begin(syscall, name, options, start, make) {
  if (!isText(name)) throw invalid(`${syscall}: a name is a string without a NUL, not ${inspect(name)}`);
  const config = configOf(options);
  if (options.signal) options.signal.throwIfAborted();
  const events = new Handler(options.onEvent);
  const made = new Promise((resolve, reject) => {
    start(config, events.number, name, (code, box) => {
      try {
        if (code < 0) throw new HxError(code, syscall, name, events.detail);
        resolve(make(box, events));
      } catch (error) {
        reject(error);
      }
    });
  });
  try {
    return await (options.signal ? orAborted(made, options.signal) : made);
  } catch (error) {
    events.leave();
    throw error;
  }
}

/** What is made after the abort is closed. */
function orAborted(made, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      made.then((late) => (late.destroy ? late.destroy() : late.close()), () => {});
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    made.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Binds `name` and keeps it bound until close(). */
function listen(name, options = {}) {
  return begin('listen', name, options, native.bind, (box, events) => new Listener(box, name, events, options));
}

/** Connects to whoever holds `name`. */
function connect(name, options = {}) {
  return begin('connect', name, options, native.connect, (box, events) => {
    const stream = new Stream(box, events, options);
    if (stream.errored) { // there was no descriptor for it
      stream.on('error', () => {});
      throw stream.errored;
    }
    events.leave(); // the stream keeps it
    return stream;
  });
}

/**
 * Joins `session` as options.name, and is connected to each other member, until leave(). wait() waits for
 * `expect` members.
 */
function join(session, expect, options = {}) {
  const start = (config, number, name, back) => native.join(config, number, name, back, Math.trunc(expect));
  return begin('join', session, options, start, (box, events) => new Group(box, session, events, options));
}

/**
 * Ends the library: what was written before end() leaves this host, and peers and nameserver learn of the
 * end.
 */
function cleanup() {
  return new Promise((resolve) => {
    native.cleanup(() => resolve());
  });
}

function generateKey() {
  const key = native.generateKey();
  if (typeof key === 'number') throw new HxError(key, 'generateKey');
  return key;
}

function generateDeviceKey() {
  const key = native.generateDeviceKey();
  if (typeof key === 'number') throw new HxError(key, 'generateDeviceKey');
  return key;
}

function deviceKeyPublic(deviceKey) {
  const key = isText(deviceKey) ? native.deviceKeyPublic(deviceKey) : INVALID;
  if (typeof key === 'number') throw new HxError(key, 'deviceKeyPublic');
  return key;
}

/** Of the library in use, as '0.1.0'. */
const version = native.version();

module.exports = {
  listen, connect, join, cleanup, generateKey, generateDeviceKey, deviceKeyPublic, version, HxError, Group, Listener, Stream,
};
