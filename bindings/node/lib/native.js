'use strict';
// The addon. It is loaded so that libhx's OpenSSL is Debian's, which it was built with: node may bring, and
// export, one of its own.
const os = require('node:os');
const path = require('node:path');

const { RTLD_NOW, RTLD_DEEPBIND } = os.constants.dlopen;
const addon = { exports: {} };
const file = process.env.HX_ADDON || path.join(__dirname, '..', 'build', 'hx.node');
try {
  process.dlopen(addon, file, RTLD_NOW | RTLD_DEEPBIND);
} catch (error) {
  error.message = `hx: ${error.message}: install hx (libhx.so.0), then build the addon with \`npm rebuild hx\``;
  throw error;
}
module.exports = addon.exports;
