'use strict';
const native = require('./native');
const { HxError } = require('./errors');

// In the order of hx.h.
const NAMES = ['bound', 'external', 'peer', 'punched', 'punchFailed', 'peerDropped', 'rejected', 'nameserverLost',
  'nameserverAwaited', 'path', 'relayLimit', 'joined', 'memberHere', 'memberJoined', 'memberMoved', 'memberLeft'];
const SAYS_WHY = ['punchFailed', 'rejected', 'nameserverAwaited'];

const handlers = new Map();
let last = 0;

/** Takes the events of a call, and of what has come of it, for as long as somebody keeps it. */
class Handler {
  constructor(tell) {
    this.number = ++last;
    this.tell = tell;
    this.users = 1;
    this.detail = '';
    handlers.set(this.number, this);
  }

  keep() {
    this.users++;
    return this;
  }

  leave() {
    if (--this.users === 0) handlers.delete(this.number);
  }

  take(raw) {
    const { event, error, ...rest } = raw;
    const told = { kind: NAMES[event] || `event${event}`, ...rest };
    if (error < 0) told.error = new HxError(error, told.kind, raw.name || undefined);
    if (SAYS_WHY.includes(told.kind)) this.detail = raw.text;
    if (this.tell) this.tell(told);
  }
}

native.setOnEvent((number, raw) => {
  const handler = handlers.get(number);
  if (handler) handler.take(raw);
});

module.exports = { Handler };
