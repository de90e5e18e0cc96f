import { type ClbSettings, defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { selfSigned } from './clb-simulator-certificates-fixture.ts';
import { type Fixture, type SdkClient, sdkClient, startFixture } from './clb-simulator-fixture.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the requests below are about. */
export interface World {
  readonly fixture: Fixture;
  /** Defects of the simulator that were met; whoever looks at them takes them away. */
  readonly defects: Error[];
  /** A key that may do nothing. */
  readonly powerless: SdkClient;
  /** A region that there is not. */
  readonly nowhere: SdkClient;
  /** A load balancer with a target. */
  readonly id: string;
  readonly tcp: string;
  readonly otherTcp: string;
  readonly encrypted: string;
  readonly http: string;
  readonly rule: string;
  /** The address of the target, on port 80 of `tcp` and of `rule`. */
  readonly ip: string;
  /** Locked, without an end. */
  readonly busy: string;
  /** Without a listener. */
  readonly empty: string;
  /** Being created, without an end. */
  readonly creating: string;
}

const withoutEnd = [10_000_000, 10_000_000] as const;

/** @param settings over those of the world, as soon as everything is there */
export const startWorld = async (settings: Partial<ClbSettings> = {}): Promise<World> => {
  const defects: Error[] = [];
  const fixture = await startFixture({
    settings: { ...defaultSettings, callsPerSecond: 1_000, apiLatencyMs: [0, 0] },
    onDefect: (defect) => void defects.push(defect),
  });
  const { client, simulator } = fixture;
  const { id } = await fixture.createLoadBalancer();
  const certificateId = simulator.certificates.add({ name: 'a', ...(await selfSigned('a.example.com')) }).id;
  const [tcp = '', otherTcp = ''] = await fixture.createListeners(id, [7_000, 7_001]);
  const [encrypted = ''] = await fixture.createListeners(id, [7_002], {
    Protocol: 'TCP_SSL',
    Certificate: { CertId: certificateId },
  });
  const [http = ''] = await fixture.createListeners(id, [7_003], { Protocol: 'HTTP' });
  const made = await client.CreateRule({
    LoadBalancerId: id,
    ListenerId: http,
    Rules: [{ Domain: 'a.example.com', Url: '/' }],
  });
  await fixture.done(made);
  const [rule = ''] = made.LocationIds ?? [];
  const ip = fixture.addresses.allocate('pod');
  await fixture.register(id, [
    { listenerId: tcp, ip, port: 80 },
    { listenerId: http, locationId: rule, ip, port: 80 },
  ]);
  const { id: empty } = await fixture.createLoadBalancer();
  const { id: busy } = await fixture.createLoadBalancer();
  simulator.settings.createListenerMs = withoutEnd;
  await client.CreateListener({ LoadBalancerId: busy, Ports: [7_000], Protocol: 'TCP' });
  simulator.settings.createLoadBalancerMs = withoutEnd;
  const begun = await client.CreateLoadBalancer({ LoadBalancerType: 'OPEN', ClientToken: 'once' });
  const keys = { secretId: 'AKIDpowerless', secretKey: 'powerlessKey' };
  simulator.addCredential({ ...keys, allowedActions: [] });
  Object.assign(simulator.settings, settings);
  return {
    fixture,
    defects,
    powerless: sdkClient(simulator, keys),
    nowhere: sdkClient(simulator, { region: 'ap-nowhere' }),
    ...{ id, tcp, otherTcp, encrypted, http, rule, ip, busy, empty },
    creating: begun.LoadBalancerIds?.[0] ?? '',
  };
};

/** What makes a good request one that is refused; `undefined` takes a member away. */
export interface Provocation {
  readonly change?: Json;
  readonly settings?: Partial<ClbSettings>;
  readonly by?: 'powerless' | 'nowhere';
  /** Of the range that load balancers are made in. */
  readonly noAddressFree?: boolean;
}

const byAnyone: Readonly<Record<string, Provocation>> = {
  UnauthorizedOperation: { by: 'powerless' },
  InvalidParameterValue: { by: 'nowhere' },
};

/** What can be wrong with the load balancer of any request that names one, by the code that says so. */
const aboutLoadBalancer = (
  { busy, creating }: World,
  list: boolean,
  writes: boolean,
): Record<string, Provocation> => {
  const named = (id: unknown): Provocation => ({
    change: list ? { LoadBalancerIds: id === undefined || id === 7 ? id : [id] } : { LoadBalancerId: id },
  });
  return {
    InvalidParameter: named(7),
    MissingParameter: named(undefined),
    'InvalidParameter.FormatError': named('lb-1'),
    'InvalidParameter.LBIdNotFound': named('lb-00000000'),
    ...(writes
      ? { FailedOperation: named(creating), 'FailedOperation.ResourceInOperating': named(busy) }
      : {}),
  };
};

/** A good request of an action, and what is wrong with others by the code that they are refused with. */
export interface Asked {
  readonly good: Json;
  readonly wrong: Readonly<Record<string, Provocation>>;
}

/** @param documented a provocation that any action knows is left out where the action does not document its code */
export const provocationsOf = (
  action: string,
  { good, wrong }: Asked,
  documented: ReadonlySet<string>,
  world: World,
): ReadonlyMap<string, Provocation> => {
  const list = 'LoadBalancerIds' in good;
  const named =
    list || 'LoadBalancerId' in good ? aboutLoadBalancer(world, list, !action.startsWith('Describe')) : {};
  const general = Object.entries({ ...byAnyone, ...named }).filter(([code]) => documented.has(code));
  return new Map([...general, ...Object.entries(wrong)]);
};
