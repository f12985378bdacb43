'use strict';
// `node chat.js SESSION EXPECT NAME` on each host. When all are here, a line of standard input goes to all
// members; theirs are printed after their names. After the end of its input it waits for theirs, and leaves.
// --nameserver HOST[:PORT] (default: $HX_NAMESERVER), --timeout SECONDS: then it goes on with those who are
// here; --insecure: without a key; else `hx key` makes one.
const readline = require('node:readline');
const { finished } = require('node:stream/promises');
const { parseArgs } = require('node:util');
const hx = require('hx');

const members = new Set();
const seen = new Set(); // names of those who are members, or have been
let ended = false; // we say no more

// It may come from anybody, and the terminal is ours.
const printable = (line) => line.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]/gu, '?');

function add(stream) {
  console.error(`${stream.peerName} is here, ${stream.path.kind}`);
  members.add(stream);
  seen.add(stream.peerName);
  if (ended) stream.end();
  readline.createInterface({ input: stream }).on('line', (line) => console.log(`${stream.peerName}: ${printable(line)}`));
  finished(stream).catch((error) => console.error(error.message)).finally(() => members.delete(stream));
}

async function chat(session, expect, options, timeout) {
  const group = await hx.join(session, expect, options);
  group.on('connection', add);
  try {
    const end = performance.now() + timeout;
    await group.wait({ timeout });
    while (seen.size < expect - 1 && performance.now() < end) await new Promise((resolve) => { setTimeout(resolve, 10); });
    console.error(`all ${expect} are here`);
  } catch (error) {
    if (error.code !== 'HX_ETIMEDOUT') throw error;
    console.error(error.message);
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    for (const stream of members) stream.write(`${line}\n`);
  }
  ended = true;
  await Promise.allSettled([...members].map((stream) => finished(stream.end())));
  group.leave();
}

const { values: { timeout, ...options }, positionals: [session, expect, name] } = parseArgs({
  allowPositionals: true,
  options: { nameserver: { type: 'string' }, timeout: { type: 'string', default: '60' }, insecure: { type: 'boolean' } },
});
if (name === undefined) {
  console.error('usage: node chat.js [OPTION] SESSION EXPECT NAME');
  process.exit(2);
}
chat(session, Number(expect), { ...options, name }, Number(timeout) * 1000).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
