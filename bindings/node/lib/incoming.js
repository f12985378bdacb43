'use strict';
const { EventEmitter } = require('node:events');
const native = require('./native');
const { HxError, AGAIN, CANCELED } = require('./errors');
const { Stream } = require('./stream');

/**
 * What gives streams as they come, by 'connection', by next(), or by `for await`: a Listener or a Group.
 * `does` has its words.
 */
class Incoming extends EventEmitter {
  #box;
  #events;
  #does;
  #options;
  #watcher;
  #waiting = []; // for next()
  #told = false; // by 'connection'
  #closed = false;

  constructor(box, name, events, options, does) {
    super();
    this.#box = box;
    this.#events = events;
    this.#does = does;
    this.#options = options;
    this.name = name;
    this.#watcher = native.watch(box, 'read', () => this.#ready());
    if (typeof this.#watcher === 'number') {
      does.close(box);
      throw new HxError(this.#watcher, does.begin, name);
    }
    this.on('newListener', (event) => {
      if (event !== 'connection' || this.#told) return;
      this.#told = true;
      process.nextTick(() => this.#ready());
    });
  }

  #ready() {
    while (!this.#closed && (this.#waiting.length > 0 || this.listenerCount('connection') > 0)) {
      const made = this.#does.take(this.#box);
      if (made === AGAIN) {
        native.watchStart(this.#watcher);
        return;
      }
      if (typeof made === 'number') {
        for (const { reject } of this.#waiting.splice(0)) reject(new HxError(made, this.#does.next, this.name));
        return;
      }
      const stream = new Stream(made, this.#events, this.#options);
      if (stream.errored) stream.once('error', (error) => this.emit('drop', error)); // there was no descriptor for it
      else if (this.#waiting.length > 0) this.#waiting.shift().resolve(stream);
      else this.emit('connection', stream);
    }
  }

  /** The next connection. */
  next() {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new HxError(CANCELED, this.#does.next, this.name));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#ready();
    });
  }

  /** All connections, until the end. */
  async* [Symbol.asyncIterator]() {
    for (;;) {
      let stream;
      try {
        stream = await this.next();
      } catch (error) {
        if (error.errno === CANCELED) return;
        throw error;
      }
      yield stream;
    }
  }

  /** `f(box)`, or `otherwise` after the end. */
  look(f, otherwise) { return this.#closed ? otherwise : f(this.#box); }

  get closed() { return this.#closed; }

  /** Streams live on. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    native.watchClose(this.#watcher);
    this.#does.close(this.#box);
    this.#events.leave();
    for (const { reject } of this.#waiting.splice(0)) reject(new HxError(CANCELED, this.#does.next, this.name));
    process.nextTick(() => this.emit('close'));
  }

  ref() { return this.#keep(true); }

  unref() { return this.#keep(false); }

  #keep(keep) {
    if (!this.#closed) native.watchRef(this.#watcher, keep);
    return this;
  }
}

module.exports = { Incoming };
