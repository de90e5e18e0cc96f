import type { Addresses } from '../addresses.ts';
import { makeServerCertificate } from '../net/certificates.ts';
import type { Answer } from './actions/action.ts';
import { allActions } from './actions/all.ts';
import { ByHand } from './by-hand.ts';
import { CallLog, type CallRecord } from './calls.ts';
import { Certificates } from './certificates.ts';
import { createClock } from './clock.ts';
import { createNetwork } from './data-plane/network.ts';
import { Engine } from './engine/engine.ts';
import { type ClbEventName, type ClbEvents, Events } from './events.ts';
import { Faults } from './faults.ts';
import { apiHosts } from './gateway/api-hosts.ts';
import { type Credential, newCredential } from './gateway/credentials.ts';
import { Gateway } from './gateway/gateway.ts';
import type { TlsIdentity } from './gateway/listener.ts';
import { newId } from './ids.ts';
import { Runtime } from './runtime.ts';
import { type ClbSettings, initialSettings } from './settings.ts';
import { type ClbSnapshot, takeSnapshot } from './snapshot.ts';
import type { CallStatistics } from './statistics.ts';
import { Store } from './store.ts';

export interface HttpsOptions {
  /** Default: the host of HTTP, and any port. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Default: one of an authority of its own. */
  readonly identity?: TlsIdentity;
}

export interface ClbSimulatorOptions {
  /** Where the API listens; port 0: any. */
  readonly listen: { readonly host: string; readonly port: number };
  /** HTTPS too, under the API's own host names. */
  readonly https?: HttpsOptions;
  /** Default: ap-guangzhou. */
  readonly region?: string;
  /** Default: made up. */
  readonly credentials?: Credential;
  readonly addresses: Addresses;
  /** Default: made up. */
  readonly vpcId?: string;
  /** Targets lie in it. Default: that of the addresses. */
  readonly vpcCidr?: string;
  readonly settings?: Partial<ClbSettings>;
  /** Divides all simulated times. Default: 1. */
  readonly speed?: number;
  /** 0 to 1; default: Math.random. */
  readonly random?: () => number;
  /** Told what only a defect of the simulator explains. Default: thrown, where nothing catches it. */
  readonly onDefect?: (defect: Error) => void;
}

export interface ClbSimulator {
  /** `http://host:port` of the API. */
  readonly url: string;
  /** `https://host:port` of the API, where it is served so. */
  readonly httpsUrl: string | undefined;
  /** Who vouches for the certificate that was made for it. */
  readonly caPem: string | undefined;
  readonly region: string;
  readonly secretId: string;
  readonly secretKey: string;
  readonly vpcId: string;
  readonly vpcCidr: string;
  /** May be changed at any time; what is under way keeps what it began with. */
  readonly settings: ClbSettings;
  /** All calls so far, oldest first. */
  readonly calls: readonly CallRecord[];
  readonly faults: Faults;
  /** InstanceIds that targets may name, with the address of each; may be changed at any time. */
  readonly instances: Map<string, string>;
  /** The account's certificates, which listeners and rules may name; more may be added at any time. */
  readonly certificates: Certificates;
  /** How many calls of each action were made. */
  callCounts(): Record<string, number>;
  /** All calls in numbers: by action, load balancer and second, with what the locks and the limits refused. */
  statistics(): CallStatistics;
  /**
   * What somebody else of the account does in the console: an action of the API that is no call of it, or `Isolate`
   * and `Restore` of a LoadBalancerId. No limit, no fault and no record knows of it; it waits for the lock, and resolves
   * when the change is there.
   *
   * @throws Error as the action would be refused
   */
  byHand(action: string, parameters: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Another access key of the same account. */
  addCredential(credential: Credential): void;
  /** A copy of the whole state at this moment. */
  state(): ClbSnapshot;
  /** @returns takes the listener away again */
  on<K extends ClbEventName>(name: K, listener: (value: ClbEvents[K]) => void): () => void;
  /** Closes every socket and stops every timer. The addresses stay with who gave them. */
  close(): Promise<void>;
}

/** Ends the process, or fails the run of its tests: an answer that nobody may rely on must not pass as one. */
const throwUncaught = (defect: Error): void => {
  setImmediate(() => {
    throw defect;
  });
};

/**
 * Starts a CLB on this machine: the API with its wire format and signature, the load balancers' real sockets
 * and their health checks.
 *
 * @throws Error when the API's address cannot be listened on
 */
export const startClbSimulator = async (options: ClbSimulatorOptions): Promise<ClbSimulator> => {
  const { addresses, region = 'ap-guangzhou', random = Math.random } = options;
  const settings: ClbSettings = { ...initialSettings(), ...options.settings };
  const credential = options.credentials ?? newCredential();
  const credentials = new Map([[credential.secretId, credential]]);
  const vpcId = options.vpcId ?? newId('vpc');
  const vpcCidr = options.vpcCidr ?? addresses.vpcCidr;
  const clock = createClock(options.speed ?? 1);
  const events = new Events();
  const store = new Store();
  const calls = new CallLog();
  const faults = new Faults(random);
  const instances = new Map<string, string>();
  const certificates = new Certificates();
  const runtime = new Runtime({
    network: createNetwork(addresses),
    settings,
    clock,
    events,
    random,
    certificates,
  });
  const engine = new Engine({
    settings,
    clock,
    events,
    store,
    certificates,
    runtime,
    addresses,
    vpcId,
    vpcCidr,
    instances,
    random,
  });
  const actions = allActions();
  const byHand = new ByHand(engine, actions, region);
  const gateway = new Gateway({
    region,
    actions,
    byHand,
    credentials,
    engine,
    faults,
    calls,
    onDefect: options.onDefect ?? throwUncaught,
    pages: {
      '/simulator/state': () => takeSnapshot(store, engine.locks),
      '/simulator/calls': () => calls.all,
      '/simulator/statistics': () => calls.statistics(),
    },
  });
  const close = async (): Promise<void> => {
    clock.close();
    runtime.close();
    await gateway.close();
    events.clear();
    for (const { vip } of store.all) addresses.free(vip);
  };
  const served = await serve(gateway, region, options).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    ...served,
    region,
    secretId: credential.secretId,
    secretKey: credential.secretKey,
    vpcId,
    vpcCidr,
    settings,
    calls: calls.all,
    faults,
    instances,
    certificates,
    callCounts: () => calls.countByAction(),
    statistics: () => calls.statistics(),
    byHand: (action, parameters) => byHand.do(action, parameters),
    addCredential: (added) => void credentials.set(added.secretId, added),
    state: () => takeSnapshot(store, engine.locks),
    on: (name, listener) => events.on(name, listener),
    close,
  };
};

const serve = async (
  gateway: Gateway,
  region: string,
  { listen: { host, port }, https }: ClbSimulatorOptions,
): Promise<Pick<ClbSimulator, 'url' | 'httpsUrl' | 'caPem'>> => {
  const url = `http://${host}:${await gateway.listen(host, port)}`;
  if (https === undefined) return { url, httpsUrl: undefined, caPem: undefined };
  const { listen = { host, port: 0 }, identity } = https;
  const shown: TlsIdentity & { readonly caPem?: string } =
    identity ?? (await makeServerCertificate([...new Set([...apiHosts(region), listen.host])]));
  const tlsPort = await gateway.listenTls(listen.host, listen.port, shown);
  return {
    url,
    httpsUrl: `https://${listen.host}:${tlsPort}`,
    caPem: shown.caPem,
  };
};
