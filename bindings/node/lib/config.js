'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { invalid } = require('./errors');
const native = require('./native');

const DEFAULT_TIMEOUT = 30000;
const TEXTS = ['nameserver', 'name', 'keys', 'keyFile', 'stun', 'stateDir', 'deviceKey'];
const NUMBERS = ['localPort', 'wait', 'timeout', 'punch', 'linger', 'backlog', 'relayAfter'];
const FLAGS = ['insecure', 'noPortMapping', 'pathEvents', 'noHostCandidates'];
const OTHERS = { family: { any: 0, 4: 4, 6: 6 }, transport: { any: 0, udp: 1, tcp: 2 } };
const MINE = ['onEvent', 'signal', 'allowHalfOpen', 'highWaterMark'];

/** libhx would see only what comes before a NUL. */
const isText = (value) => typeof value === 'string' && !value.includes('\0');

/** What a file has that nobody else may read. */
function secretOf(file, absent) {
  let mode, text;
  try {
    mode = fs.statSync(file).mode;
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    return absent(error);
  }
  if (mode & 0o077) throw invalid(`${file} may be read by others: chmod 600 it`);
  if (!isText(text)) throw invalid(`${file} is no key file: it has a NUL in it`);
  return text;
}

const fileOf = (name) => path.join(process.env.XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'hx', name);

function deviceKeyOf({ deviceKey }) {
  if (deviceKey !== undefined) return deviceKey || undefined;
  const file = fileOf('device.key');
  const key = secretOf(file, (error) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw invalid(`the key of this device: ${error.message}`);
  });
  if (key !== undefined && typeof native.deviceKeyPublic(key) === 'number') {
    throw invalid(`${file} holds no key of a device, or a mistyped one: \`hx key --device FILE\` makes one in a FILE that is not there yet`);
  }
  return key;
}

function keysOf(options) {
  if (options.insecure) {
    if (options.keys || options.keyFile) throw invalid('`insecure` and keys: choose one of the two');
    return undefined;
  }
  if (options.keys) return options.keys;
  if (!options.keyFile && process.env.HX_KEY) return process.env.HX_KEY;
  return secretOf(options.keyFile || fileOf('key'), (error) => {
    throw invalid(`no key: ${error.message}: \`hx key\` makes one, \`hx key --set\` takes the other host's; \`insecure\` goes without`);
  });
}

/** The options as the addon takes them; what is no option, or of no use, throws. */
function configOf(options = {}) {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    let good = MINE.includes(name);
    if (TEXTS.includes(name)) good = isText(value);
    else if (NUMBERS.includes(name)) good = Number.isFinite(value);
    else if (FLAGS.includes(name)) good = typeof value === 'boolean';
    else if (Object.hasOwn(OTHERS, name)) good = Object.hasOwn(OTHERS[name], value);
    if (name === 'localPort') good = good && value >= 0 && value < 65536;
    if (!good) throw invalid(`the option ${name} cannot be ${JSON.stringify(value)}`);
  }
  const { nameserver = process.env.HX_NAMESERVER, timeout = DEFAULT_TIMEOUT, wait = 0, family = 'any', transport = 'any' } = options;
  if (!nameserver) throw invalid('no nameserver: give `nameserver`, or set HX_NAMESERVER to its HOST[:PORT]');
  const config = { nameserver, keys: keysOf(options), deviceKey: deviceKeyOf(options), waitSeconds: Math.ceil(wait / 1000) };
  for (const name of ['name', 'stun', 'stateDir']) config[name] = options[name];
  config.localPort = options.localPort || 0;
  config.backlog = options.backlog || 0;
  const time = (ms) => (ms < 0 || ms === undefined ? -1 : Math.min(Math.ceil(ms), 2 ** 31 - 1));
  config.timeout = time(timeout);
  for (const name of ['punch', 'linger', 'relayAfter']) config[name] = time(options[name] ?? 0);
  for (const name of ['noPortMapping', 'pathEvents', 'noHostCandidates']) config[name] = options[name] ? 1 : 0;
  config.family = OTHERS.family[family];
  config.transport = OTHERS.transport[transport];
  return config;
}

module.exports = { configOf, isText };
