'use strict';
const native = require('./native');
const { HxError, AGAIN, CANCELED, TIMEDOUT } = require('./errors');
const { Incoming } = require('./incoming');

const LOOK_MS = 20; // how often wait() looks whether all are there
const DOES = { begin: 'join', next: 'take the next of', take: native.groupNext, close: native.groupLeave };

/** A membership in a session, until leave(). */
class Group extends Incoming {
  constructor(box, session, events, options) { super(box, session, events, options, DOES); }

  /**
   * Over when all who are expected are in the session and connected to us. HX_ETIMEDOUT after `timeout` ms:
   * go on with those who are there, or wait again.
   */
  async wait({ timeout = -1, signal } = {}) {
    const end = timeout < 0 ? Infinity : performance.now() + timeout;
    for (;;) {
      if (signal) signal.throwIfAborted();
      const code = this.look(native.groupComplete, CANCELED);
      if (code !== AGAIN) {
        if (code < 0) throw new HxError(code, 'wait for', this.name);
        return;
      }
      if (performance.now() >= end) {
        const { here, expect, connected } = this.state;
        throw new HxError(TIMEDOUT, 'wait for', this.name, `${here} of ${expect} are here, ${connected} connected`);
      }
      await new Promise((resolve) => { setTimeout(resolve, Math.max(1, Math.min(LOOK_MS, end - performance.now()))); });
    }
  }

  /** { expect, here, connected }: the first two count ourselves. */
  get state() { return this.look(native.groupState, { expect: 0, here: 0, connected: 0 }); }

  /** Leaves the session. Streams live on. */
  leave() { this.close(); }
}

module.exports = { Group };
