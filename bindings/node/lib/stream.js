'use strict';
const { Duplex } = require('node:stream');
const native = require('./native');
const { HxError, AGAIN, CANCELED } = require('./errors');

const READ_SIZE = 256 << 10; // several records of TLS for each call
const READS_AT_ONCE = 8; // then others of the loop have their turn
const scratch = Buffer.allocUnsafeSlow(READ_SIZE);

/** A connection to a peer. Made by connect(), a Listener or a Group alone. */
class Stream extends Duplex {
  #box;
  #events;
  #reader;
  #writer;
  #provers = [];
  #readsAtOnce = 0;
  #wanted = false; // by who reads
  #readWaits = false;
  #writing = null; // what goes on when it can be written again
  #idle = null;
  #about;

  constructor(box, events, options = {}) {
    super({ allowHalfOpen: options.allowHalfOpen !== false, highWaterMark: options.highWaterMark || 128 << 10 });
    this.#box = box;
    this.#events = events.keep();
    this.#about = native.about(box);
    this.#reader = native.watch(box, 'read', () => this.#readable());
    this.#writer = native.watch(box, 'write', () => this.#writable());
    for (const made of [this.#reader, this.#writer]) {
      if (typeof made === 'number') this.destroy(this.#error(made, 'connect'));
    }
  }

  #error(code, syscall) {
    return new HxError(code, syscall, this.peerName || undefined);
  }

  _read() {
    this.#wanted = true;
    this.#pull();
  }

  #pull() {
    if (!this.#wanted || this.#readWaits || this.destroyed) return;
    if (++this.#readsAtOnce > READS_AT_ONCE) {
      this.#readWaits = true;
      setImmediate(() => this.#readable());
      return;
    }
    const got = native.read(this.#box, scratch);
    if (got === AGAIN) {
      this.#awaitReadable();
      return;
    }
    this.#wanted = false;
    if (got > 0) {
      this.#touch();
      this.push(Buffer.from(scratch.subarray(0, got)));
    } else if (got === 0) {
      this.push(null);
    } else {
      this.destroy(this.#error(got, 'read'));
    }
  }

  #awaitReadable() {
    this.#readWaits = true;
    native.watchStart(this.#reader);
  }

  #readable() {
    if (this.destroyed) return;
    this.#readWaits = false;
    this.#readsAtOnce = 0;
    this.#prove();
    this.#pull();
  }

  _write(chunk, encoding, done) {
    this.#put(chunk, 0, done);
  }

  _writev(chunks, done) {
    this.#put(Buffer.concat(chunks.map(({ chunk }) => chunk)), 0, done);
  }

  #put(chunk, from, done) {
    while (from < chunk.length) {
      const put = this.destroyed ? CANCELED : native.write(this.#box, chunk, from);
      if (put === AGAIN) {
        this.#writing = { go: () => this.#put(chunk, from, done), fail: done };
        native.watchStart(this.#writer);
        return;
      }
      if (put < 0) {
        done(this.#error(put, 'write'));
        return;
      }
      this.#touch();
      from += put;
    }
    done();
  }

  #writable() {
    const writing = this.#writing;
    this.#writing = null;
    if (writing) writing.go();
  }

  _final(done) {
    const code = native.end(this.#box);
    done(code < 0 ? this.#error(code, 'end') : null);
  }

  /** After both ends: over when the peer has read all. Else it breaks off. */
  _destroy(error, done) {
    if (this.#idle) clearTimeout(this.#idle);
    const canceled = error || this.#error(CANCELED, 'handshake');
    for (const { fail } of this.#provers.splice(0)) fail(canceled);
    for (const watcher of [this.#reader, this.#writer]) {
      if (watcher && typeof watcher !== 'number') native.watchClose(watcher);
    }
    if (this.#writing) { // after 'close', as who destroys without an error wants none to be told
      const { fail } = this.#writing;
      this.#writing = null;
      this.once('close', () => fail(error || this.#error(CANCELED, 'write')));
    }
    const whole = !error && this.writableFinished;
    if (!whole) native.abort(this.#box);
    native.close(this.#box, (code) => {
      this.#events.leave();
      done(error || (whole && code < 0 ? this.#error(code, 'close') : null));
    });
  }

  /** Finishes the proof that both sides have the same key, which reading and writing else do themselves. */
  handshake() {
    return new Promise((resolve, reject) => {
      if (this.destroyed) {
        reject(this.#error(CANCELED, 'handshake'));
        return;
      }
      this.#provers.push({ go: resolve, fail: reject });
      this.#prove();
    });
  }

  #prove() {
    if (this.#provers.length === 0) return;
    const code = native.prove(this.#box);
    if (code === AGAIN) {
      this.#awaitReadable();
      return;
    }
    for (const { go, fail } of this.#provers.splice(0)) {
      if (code < 0) fail(this.#error(code, 'handshake'));
      else go();
    }
  }

  #now() {
    if (!this.destroyed) this.#about = native.about(this.#box);
    return this.#about;
  }

  /** The name that the peer gave to the nameserver, maybe ''. It has not been proven, keys are. */
  get peerName() { return this.#about.name; }

  /** The label of the key that the peer has proven to have, '' before. */
  get peerLabel() { return this.#now().label; }

  /** Tells that key from others. */
  get peerKey() { return this.#now().key; }

  /** The peer's address as its NAT shows it: 'ip:port', or 'tcp'. */
  get peerAddress() { return this.#about.address; }

  /** Our own, likewise. */
  get externalAddress() { return this.#about.external; }

  /** The way that the connection takes now. */
  get path() {
    const now = this.#now();
    return { kind: now.pathKind, address: now.pathAddress, roundTripMs: now.roundTripUs / 1000 };
  }

  #touch() {
    if (this.#idle) this.#idle.refresh();
  }

  // What Node's own protocols ask of a socket.
  setTimeout(ms, callback) {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = ms > 0 && !this.destroyed ? setTimeout(() => this.emit('timeout'), ms).unref() : null;
    if (callback) this.once('timeout', callback);
    return this;
  }

  setNoDelay() { return this; }

  setKeepAlive() { return this; }

  ref() { return this.#keep(true); }

  unref() { return this.#keep(false); }

  #keep(keep) {
    if (!this.destroyed) {
      native.watchRef(this.#reader, keep);
      native.watchRef(this.#writer, keep);
    }
    return this;
  }
}

module.exports = { Stream };
