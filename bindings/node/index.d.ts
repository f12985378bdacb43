/// <reference types="node" />
import { Duplex } from 'node:stream';
import { EventEmitter } from 'node:events';

/** All times are milliseconds. hx.h says more about each. */
export interface Options {
  /**
   * 'HOST', 'HOST:PORT', '[IPV6]:PORT' or 'https://HOST'; up to 8 with ',' between. Default: $HX_NAMESERVER.
   */
  nameserver?: string;
  /**
   * Lines 'KEY [LABEL]' as generateKey() and `hx key` write them. connect() uses the first, a listener lets
   * in whoever has any of them. Default: those of `keyFile`, else $HX_KEY, else those of ~/.config/hx/key.
   */
  keys?: string;
  /** For nobody else to read. */
  keyFile?: string;
  /** Neither keys nor encryption: whoever knows the name may connect, and all can be read on the way. */
  insecure?: boolean;
  /** In all; default: 30000; below 0: none. */
  timeout?: number;
  /** UDP; default: the kernel's choice. The first call's choice holds for the process. */
  localPort?: number;
  /** For one punch, at most 28000; default: 10000. */
  punch?: number;
  /**
   * Of a stream that has ended both directions: without progress; default: 30000; below 0: while the peer
   * lives.
   */
  linger?: number;
  family?: 4 | 6 | 'any';
  transport?: 'any' | 'udp' | 'tcp';
  /** The router is not asked for a port mapping. */
  noPortMapping?: boolean;
  /** The addresses of this host's interfaces are told to nobody. */
  noHostCandidates?: boolean;
  /** Servers that are asked besides the nameservers; as `nameserver`. */
  stun?: string;
  /** For what makes the next visit a round trip shorter. */
  stateDir?: string;
  /** A relay is asked for so long after the other ways; default: 500; below 0: never. */
  relayAfter?: number;
  /**
   * Proves who we are to a nameserver that asks for it, as generateDeviceKey() and `hx key --device` write it.
   * Default: that of ~/.config/hx/device.key, if there is one; '': none.
   */
  deviceKey?: string;
  /** `onEvent` is told 'path' and 'relayLimit', too. */
  pathEvents?: boolean;
  onEvent?: (event: HxEvent) => void;
  /** Ends waiting; what is made later is closed. */
  signal?: AbortSignal;
  /** Of the streams; default: true: the peer's end does not end our direction. */
  allowHalfOpen?: boolean;
  /** Of the streams, in bytes; default: 131072. */
  highWaterMark?: number;
}

export interface ListenOptions extends Options {
  /** Connections that wait to be accepted, at most 1024; default: 64. */
  backlog?: number;
}

export interface ConnectOptions extends Options {
  /** Our own name, shown to the peer. */
  name?: string;
  /** For the name to appear; at most 60000. */
  wait?: number;
}

export interface HxEvent {
  kind: 'bound' | 'external' | 'peer' | 'punched' | 'punchFailed' | 'peerDropped' | 'rejected' | 'nameserverLost' |
    'nameserverAwaited' | 'path' | 'relayLimit' | 'joined' | 'memberHere' | 'memberJoined' | 'memberMoved' | 'memberLeft';
  error?: HxError;
  name: string;
  address: string;
  text: string;
  punchMs: number;
  totalMs: number;
  retryMs: number;
}

/** What every function fails with: its message names what was tried, what went wrong and what to do. */
export class HxError extends Error {
  code: 'HX_EAGAIN' | 'HX_ECLOSED' | 'HX_EEOF' | 'HX_EPROTO' | 'HX_ETOOBIG' | 'HX_EINVAL' | 'HX_ENOMEM' | 'HX_ETIMEDOUT' |
    'HX_EREFUSED' | 'HX_ERESOLVE' | 'HX_ENOTFOUND' | 'HX_ECONFLICT' | 'HX_ELIMIT' | 'HX_EPUNCH' | 'HX_EADDR' | 'HX_ESYS' |
    'HX_ECANCELED' | 'HX_EREJECTED' | 'HX_EAUTH' | 'HX_EFLOOD' | 'HX_EFAMILY' | 'HX_EPROXY' | 'HX_ECERT' |
    'HX_EDENIED';
  /** As in hx.h, below 0. */
  errno: number;
  syscall: string;
  /** What the nameserver said about it. */
  detail?: string;
}

export interface Path {
  /** 'lan', 'ipv6', 'direct', 'mapped', 'predicted', 'birthday', 'relayed'; more may come. */
  kind: string;
  /** Where the peer is reached. */
  address: string;
  /** 0: not measured. */
  roundTripMs: number;
}

/**
 * A connection to a peer. After end() here and the peer's end 'close' says that the peer's program has read
 * all; destroy() breaks off, and bytes may be lost.
 */
export class Stream extends Duplex {
  private constructor();
  /** Finishes the proof that both sides have the same key, which reading and writing else do themselves. */
  handshake(): Promise<void>;
  /** The name that the peer gave to the nameserver, maybe ''. It has not been proven, keys are. */
  readonly peerName: string;
  /** The label of the key that the peer has proven to have, '' before. */
  readonly peerLabel: string;
  /** Tells that key from others. */
  readonly peerKey: string;
  /** 'ip:port' as its NAT shows it, or 'tcp'. */
  readonly peerAddress: string;
  readonly externalAddress: string;
  /** The way that the connection takes now. */
  readonly path: Path;
  /** 'timeout' comes when nothing has passed for so long; 0: never. */
  setTimeout(ms: number, callback?: () => void): this;
  setNoDelay(): this;
  setKeepAlive(): this;
  /** Does what is awaited here keep the process? */
  ref(): this;
  unref(): this;
}

/** Gives streams as they come: by 'connection', by next(), or by `for await`. */
export abstract class Incoming extends EventEmitter implements AsyncIterable<Stream> {
  readonly name: string;
  readonly closed: boolean;
  next(): Promise<Stream>;
  [Symbol.asyncIterator](): AsyncIterableIterator<Stream>;
  /** Streams live on. */
  close(): void;
  on(event: 'connection', listener: (stream: Stream) => void): this;
  /** One has come, and there was no descriptor for it. */
  on(event: 'drop', listener: (error: HxError) => void): this;
  on(event: 'close', listener: () => void): this;
  /** Does what is awaited here keep the process? */
  ref(): this;
  unref(): this;
}

/** Holds a name, until close(). */
export class Listener extends Incoming {
  private constructor();
  readonly externalAddress: string;
  /** The next connection: punched, nothing read or proven yet. */
  accept(): Promise<Stream>;
}

/** How far a group has come. */
export interface GroupState {
  /** As join() was told. */
  expect: number;
  /** Members in the session, ourselves counted. */
  here: number;
  /** Of the others: connected, proven, and not closed yet. */
  connected: number;
}

/** A membership in a session, until leave(). Each connection to a member is given once; its key is proven. */
export class Group extends Incoming {
  private constructor();
  /**
   * Over when all who are expected are connected to us. HX_ETIMEDOUT: go on with those who are there, or wait
   * again.
   */
  wait(options?: { timeout?: number; signal?: AbortSignal }): Promise<void>;
  readonly state: GroupState;
  /** Leaves the session. Streams live on. */
  leave(): void;
}

/**
 * Binds `name`, and keeps it bound until close(), whatever becomes of the nameserver or of this host's
 * address.
 */
export function listen(name: string, options?: ListenOptions): Promise<Listener>;
/** Connects to whoever holds `name`. */
export function connect(name: string, options?: ConnectOptions): Promise<Stream>;
/**
 * Joins `session` as options.name, which no other member may have, and is connected to each other member,
 * until leave(). `expect` members, ourselves counted, 2 to 64, are what wait() waits for; more may come.
 */
export function join(session: string, expect: number, options: Options & { name: string }): Promise<Group>;
/**
 * Ends the library: what was written before end() leaves this host, peers and nameserver learn of the end.
 */
export function cleanup(): Promise<void>;
/** 160 random bits and a checksum. */
export function generateKey(): string;
/** For the option `deviceKey`; nobody else may read it. */
export function generateDeviceKey(): string;
/** What a nameserver's operator is told of it: 'ed25519:' and 43 characters. */
export function deviceKeyPublic(deviceKey: string): string;
/** Of the library in use, as '0.1.0'. */
export const version: string;
