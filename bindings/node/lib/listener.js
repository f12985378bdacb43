'use strict';
const native = require('./native');
const { Incoming } = require('./incoming');

const DOES = { begin: 'listen', next: 'accept', take: native.accept, close: native.listenerClose };

/** Holds a name, until close(). */
class Listener extends Incoming {
  constructor(box, name, events, options) { super(box, name, events, options, DOES); }

  /** The next connection: punched, nothing read or proven yet. */
  accept() { return this.next(); }

  /** Our external address as the nameserver saw it last: 'ip:port', 'tcp', or '-'. */
  get externalAddress() { return this.look(native.external, '-'); }
}

module.exports = { Listener };
