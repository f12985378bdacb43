'use strict';
const native = require('./native');

// What libhx returns, as in hx.h, and what to do about each.
const ERRORS = [
  ['HX_EAGAIN', 'try again when it can go on'],
  ['HX_ECLOSED', 'bytes may be missing; connect again, or look at the other side why it ended'],
  ['HX_EEOF', 'the nameserver ended its answer; try again'],
  ['HX_EPROTO', "look whether that address is an hx-nameserver's, and whether both sides have keys or both are insecure; an hx " +
    'program with a key is a peer with --bare alone'],
  ['HX_ETOOBIG', 'make the text shorter'],
  ['HX_EINVAL', "look at the name (1 to 255 letters, digits and !#$%&'*+-.^_`|~@), the keys and the options"],
  ['HX_ENOMEM', 'close what is not needed'],
  ['HX_ETIMEDOUT', 'look whether the nameserver and the peer are up, or give it more time'],
  ['HX_EREFUSED', 'start hx-nameserver there, or look at the nameserver that is given'],
  ['HX_ERESOLVE', "look at the nameserver that is given, and at this host's DNS"],
  ['HX_ENOTFOUND', 'start the listener with this name at the same nameserver, or give `wait`'],
  ['HX_ECONFLICT', 'choose another name, or end who holds it'],
  ['HX_ELIMIT', 'try again later'],
  ['HX_EPUNCH', 'run `hx nat` on both sides; a nameserver with --relay helps where no NAT lets packets through'],
  ['HX_EADDR', 'choose another localPort, or none'],
  ['HX_ESYS', 'look at the limits of this process, such as its open files'],
  ['HX_ECANCELED', 'it was closed on this side'],
  ['HX_EREJECTED', 'what the nameserver says tells what it wants'],
  ['HX_EAUTH', 'give both sides the same key: `hx key` shows one, `hx key --set` or `keys` takes it'],
  ['HX_EFLOOD', 'ask less often'],
  ['HX_EFAMILY', 'one side has only IPv6 and the other only IPv4: leave `family` out, or use a nameserver with --relay'],
  ['HX_EPROXY', 'look at https_proxy, http_proxy and no_proxy'],
  ['HX_ECERT', "look at the nameserver that is given, at this host's clock, and at SSL_CERT_FILE"],
  ['HX_EDENIED', "`hx key --device` makes a key of this device, and prints what the nameserver's operator must know of it"],
];

// Where joining means something else.
const JOIN_ADVICE = {
  HX_ECONFLICT: 'choose another `name`, or end the member who has it',
  HX_ELIMIT: 'the session, or the nameserver, has no room: choose another session, or try again later',
  HX_ENOTFOUND: 'this nameserver knows no groups: choose another one, or have it updated',
  HX_EINVAL: 'look at the session, at `name`, which must be given, at `expect` (2 to 64), the keys and the options',
  HX_ETIMEDOUT: 'wait longer, or go on with those who are here',
};
const OF_GROUPS = ['join', 'wait for'];

const AGAIN = -1;
const INVALID = -6;
const TIMEDOUT = -8;
const CANCELED = -17;

/** What every function of this package fails with. */
class HxError extends Error {
  constructor(errno, syscall, name, detail) {
    const [code, general] = ERRORS[-errno - 1] || [`HX_${errno}`, ''];
    const advice = (OF_GROUPS.includes(syscall) && JOIN_ADVICE[code]) || general;
    const what = name === undefined ? syscall : `${syscall} ${JSON.stringify(name)}`;
    super(`hx: ${what}: ${native.strerror(errno)}${detail ? ` (${JSON.stringify(detail)})` : ''}${advice && ': '}${advice}`);
    this.name = 'HxError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    if (detail) this.detail = detail;
  }
}

/** An option cannot be used. */
function invalid(message) {
  const error = new HxError(INVALID, 'options');
  error.message = `hx: ${message}`;
  return error;
}

module.exports = { HxError, invalid, AGAIN, INVALID, TIMEDOUT, CANCELED };
