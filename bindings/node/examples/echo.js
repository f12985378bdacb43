'use strict';
// `node echo.js listen NAME` on one host, `node echo.js connect NAME [TEXT]` on another one. Without TEXT it
// asks what standard input says. --nameserver HOST[:PORT] (default: $HX_NAMESERVER), --insecure: without a
// key; else `hx key` makes one.
const { finished, pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const { parseArgs } = require('node:util');
const hx = require('hx');

async function serve(name, options) {
  const listener = await hx.listen(name, options);
  process.once('SIGINT', () => listener.close());
  console.log(`listening as ${name}`);
  for await (const stream of listener) {
    console.log(`came: ${JSON.stringify(stream.peerName)} at ${stream.peerAddress} ${stream.path.kind}`);
    pipeline(stream, stream).catch((error) => console.error(error.message));
  }
}

async function ask(name, words, options) {
  const stream = await hx.connect(name, options);
  (words.length > 0 ? Readable.from([`${words.join(' ')}\n`]) : process.stdin).pipe(stream);
  stream.pipe(process.stdout);
  await finished(stream);
}

async function main() {
  const { values, positionals: [what, name, ...words] } = parseArgs({
    allowPositionals: true,
    options: { nameserver: { type: 'string' }, insecure: { type: 'boolean' } },
  });
  if (what === 'listen' && name !== undefined) await serve(name, values);
  else if (what === 'connect' && name !== undefined) await ask(name, words, values);
  else throw new Error('usage: node echo.js [OPTION] listen NAME | connect NAME [TEXT]');
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
