'use strict';
const { EventEmitter } = require('node:events');
const native = require('./native');
const { HxError, AGAIN, CANCELED } = require('./errors');
const { Stream } = require('./stream');

/** Holds a name. Its connections are told by 'connection', by accept(), or by `for await`. */
class Listener extends EventEmitter {
  #box;
  #events;
  #options;
  #watcher;
  #waiting = []; // for accept()
  #told = false; // by 'connection'
  #closed = false;

  constructor(box, name, events, options) {
    super();
    this.#box = box;
    this.#events = events;
    this.#options = options;
    this.name = name;
    this.#watcher = native.watch(box, 'read', () => this.#ready());
    if (typeof this.#watcher === 'number') {
      native.listenerClose(box);
      throw new HxError(this.#watcher, 'listen', name);
    }
    this.on('newListener', (event) => {
      if (event !== 'connection' || this.#told) return;
      this.#told = true;
      process.nextTick(() => this.#ready());
    });
  }

  #ready() {
    while (!this.#closed && (this.#waiting.length > 0 || this.listenerCount('connection') > 0)) {
      const made = native.accept(this.#box);
      if (made === AGAIN) {
        native.watchStart(this.#watcher);
        return;
      }
      if (typeof made === 'number') {
        for (const { reject } of this.#waiting.splice(0)) reject(new HxError(made, 'accept', this.name));
        return;
      }
      const stream = new Stream(made, this.#events, this.#options);
      if (this.#waiting.length > 0) this.#waiting.shift().resolve(stream);
      else this.emit('connection', stream);
    }
  }

  /** The next connection: punched, nothing read or proven yet. */
  accept() {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new HxError(CANCELED, 'accept', this.name));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#ready();
    });
  }

  /** All connections, until close(). */
  async* [Symbol.asyncIterator]() {
    for (;;) {
      let stream;
      try {
        stream = await this.accept();
      } catch (error) {
        if (error.errno === CANCELED) return;
        throw error;
      }
      yield stream;
    }
  }

  /** Our external address as the nameserver saw it last: 'ip:port', 'tcp', or '-'. */
  get externalAddress() { return this.#closed ? '-' : native.external(this.#box); }

  /** Gives the name back. Accepted connections live on. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    native.watchClose(this.#watcher);
    native.listenerClose(this.#box);
    this.#events.leave();
    for (const { reject } of this.#waiting.splice(0)) reject(new HxError(CANCELED, 'accept', this.name));
    process.nextTick(() => this.emit('close'));
  }

  ref() { return this.#keep(true); }

  unref() { return this.#keep(false); }

  #keep(keep) {
    if (!this.#closed) native.watchRef(this.#watcher, keep);
    return this;
  }
}

module.exports = { Listener };
