import { ApiError, missingParameter, tooLong, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import { type LoadBalancer, portsOf } from '../load-balancer.ts';
import type { Protocol } from '../model.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { type AskedTls, asksForTls, certificateFields } from './certificate-parameters.ts';
import { healthCheckField } from './health-check-parameters.ts';

/** What CreateListener takes. */
export const newListenerParameters = structure(
  {
    LoadBalancerId: text(),
    Ports: list(integer(1, 65_535), { min: 1 }),
    Protocol: word('TCP', 'UDP', 'HTTP', 'HTTPS', 'TCP_SSL', 'QUIC'),
  },
  {
    ListenerNames: list(text({ min: 1, max: 80 })),
    HealthCheck: healthCheckField,
    ...certificateFields,
    SessionExpireTime: integer(0, 3_600),
    Scheduler: text(),
    SniSwitch: integer(0, 1),
    TargetType: word('NODE', 'TARGETGROUP', 'TARGETGROUP-V2'),
    SessionType: word('NORMAL', 'QUIC_CID'),
    KeepaliveEnable: integer(0, 1),
    EndPort: integer(1, 65_535),
    DeregisterTargetRst: flag,
    MaxConn: integer(-1),
    MaxCps: integer(-1),
    IdleConnectTimeout: integer(10, 1_980),
    ProxyProtocol: flag,
    SnatEnable: flag,
    FullEndPorts: list(integer(1, 65_535)),
    H2cSwitch: flag,
    SslCloseSwitch: flag,
    DataCompressMode: word('transparent', 'compatibility'),
    RescheduleTargetZeroWeight: flag,
    RescheduleUnhealthy: flag,
    RescheduleExpandTarget: flag,
    RescheduleStartTime: integer(0, 3_600),
    RescheduleInterval: integer(0, 3_600),
  },
);

export type NewListener = ReturnType<typeof newListenerParameters.parse>;

/** TCP, TCP_SSL, HTTP and HTTPS share their ports; UDP and QUIC share theirs. */
const portClass = (protocol: string): 'tcp' | 'udp' =>
  protocol === 'UDP' || protocol === 'QUIC' ? 'udp' : 'tcp';

/** @throws ApiError UnsupportedOperation for what the real API has and the simulator does not */
export const supportedProtocol = (asked: NewListener): Protocol => {
  const { Protocol: protocol, FullEndPorts, TargetType } = asked;
  if (protocol === 'QUIC') {
    throw new ApiError('UnsupportedOperation', `Listeners of protocol ${protocol} are not simulated.`);
  }
  if (FullEndPorts !== undefined) {
    throw new ApiError('UnsupportedOperation', 'Listeners of all ports are not simulated.');
  }
  if (TargetType !== undefined && TargetType !== 'NODE') {
    throw new ApiError('UnsupportedOperation', 'Target groups are not simulated.');
  }
  return protocol;
};

/**
 * Whether a listener has certificates of its own is decided by its protocol, and by SNI: with it they belong to
 * the rules.
 *
 * @throws ApiError InvalidParameterValue when one is given and must not be, MissingParameter the other way round
 */
export const checkNewTls = (asked: AskedTls & { readonly SniSwitch?: number }, protocol: Protocol): void => {
  if (asked.SniSwitch === 1 && protocol !== 'HTTPS') throw wrongValue('SniSwitch', 1);
  const own = protocol === 'TCP_SSL' || (protocol === 'HTTPS' && asked.SniSwitch !== 1);
  if (own && !asksForTls(asked)) throw missingParameter('Certificate');
  if (own || !asksForTls(asked)) return;
  throw new ApiError(
    'InvalidParameterValue',
    `A ${protocol} listener${protocol === 'HTTPS' ? ' with SNI' : ''} takes no certificate.`,
  );
};

/** Each port of a range is a socket here. */
const maxRange = 100;

/**
 * A range is of one listener of TCP or UDP, and goes up.
 *
 * @throws ApiError InvalidParameterValue, InvalidParameterValue.Length, UnsupportedOperation
 */
const checkRange = ({ Ports, EndPort, Protocol }: NewListener): void => {
  if (EndPort === undefined) return;
  if (Protocol !== 'TCP' && Protocol !== 'UDP') {
    throw new ApiError('InvalidParameterValue', `A ${Protocol} listener takes no EndPort.`);
  }
  const [first = 0, ...more] = Ports;
  if (more.length > 0) throw tooLong('Ports', 1);
  if (EndPort <= first) throw wrongValue('EndPort', EndPort);
  if (EndPort - first >= maxRange) {
    throw new ApiError('UnsupportedOperation', `Ranges of more than ${maxRange} ports are not simulated.`);
  }
};

/**
 * @throws ApiError InvalidParameterValue, InvalidParameterValue.Length, InvalidParameter.PortCheckFailed, LimitExceeded,
 *   UnsupportedOperation
 */
export const checkPorts = (asked: NewListener, lb: LoadBalancer, engine: Engine): void => {
  const { Ports, EndPort, Protocol } = asked;
  const { maxPortsPerCreateListener, quotaListeners } = engine.settings;
  if (Ports.length > maxPortsPerCreateListener) throw tooLong('Ports', maxPortsPerCreateListener);
  checkRange(asked);
  const taken = new Set(
    [...lb.listeners.values()]
      .filter(({ protocol }) => portClass(protocol) === portClass(Protocol))
      .flatMap(portsOf),
  );
  for (const port of Ports.flatMap((first) => portsOf({ port: first, endPort: EndPort ?? first }))) {
    if (taken.has(port) || (portClass(Protocol) === 'udp' && port === 4_789)) {
      throw new ApiError(
        'InvalidParameter.PortCheckFailed',
        `Port ${port} of protocol ${Protocol} conflicts or is reserved in ${lb.id}.`,
      );
    }
    taken.add(port);
  }
  if (lb.listeners.size + Ports.length > quotaListeners) {
    throw new ApiError('LimitExceeded', `The quota of ${quotaListeners} listeners of ${lb.id} is exceeded.`);
  }
};

/** 0 or 30 to 3600 seconds. @throws ApiError InvalidParameterValue */
export const checkSessionExpireTime = (seconds: number | undefined, path = 'SessionExpireTime'): void => {
  if (seconds !== undefined && seconds !== 0 && seconds < 30) throw wrongValue(path, seconds);
};

/** @throws ApiError InvalidParameterValue.Length */
export const checkNames = ({ ListenerNames: names, Ports }: NewListener): void => {
  if (names === undefined || names.length === Ports.length) return;
  throw new ApiError(
    'InvalidParameterValue.Length',
    'Length of .ListenerNames should be equal to length of .Ports',
  );
};

/** What not every protocol has. Rules have some of it in place of their listener. */
interface Members {
  readonly HealthCheck?: unknown;
  readonly Scheduler?: unknown;
  readonly SessionExpireTime?: number;
  readonly SessionType?: string;
  readonly DeregisterTargetRst?: boolean;
  readonly IdleConnectTimeout?: number;
  readonly KeepaliveEnable?: number;
  readonly MaxConn?: number;
  readonly MaxCps?: number;
  readonly H2cSwitch?: boolean;
  readonly ProxyProtocol?: boolean;
  readonly SnatEnable?: boolean;
  readonly RescheduleTargetZeroWeight?: boolean;
  readonly RescheduleUnhealthy?: boolean;
  readonly RescheduleExpandTarget?: boolean;
  readonly RescheduleStartTime?: number;
  readonly RescheduleInterval?: number;
}

const layer4: readonly Protocol[] = ['TCP', 'UDP', 'TCP_SSL'];
const unencrypted: readonly Protocol[] = ['TCP', 'UDP'];

const protocolsOf: readonly (readonly [keyof Members, readonly Protocol[]])[] = [
  ['HealthCheck', layer4],
  ['Scheduler', layer4],
  ['SessionExpireTime', unencrypted],
  ['SessionType', ['UDP']],
  ['DeregisterTargetRst', unencrypted],
  ['IdleConnectTimeout', unencrypted],
  ['KeepaliveEnable', ['HTTP', 'HTTPS']],
  ['H2cSwitch', ['HTTP']],
  ['ProxyProtocol', ['TCP_SSL']],
  ['RescheduleTargetZeroWeight', unencrypted],
  ['RescheduleUnhealthy', unencrypted],
  ['RescheduleExpandTarget', unencrypted],
  ['RescheduleStartTime', unencrypted],
  ['RescheduleInterval', unencrypted],
];

/** What would change how connections are forwarded, and does not here. */
const notSimulated = [
  'H2cSwitch',
  'ProxyProtocol',
  'SnatEnable',
  'RescheduleTargetZeroWeight',
  'RescheduleUnhealthy',
  'RescheduleExpandTarget',
] as const;

const asksForNothing = (value: unknown): boolean =>
  value === undefined || value === 0 || value === false || value === 'NORMAL';

/** Longest of a shared load balancer; one with a capacity of its own may go further, and limit its clients. */
const maxSharedIdleSeconds = 900;

/**
 * Refuses what a listener's protocol or its load balancer does not have; what asks for nothing (0, false,
 * NORMAL) passes.
 *
 * @throws ApiError InvalidParameterValue, UnsupportedOperation
 */
export const checkMembers = (asked: Members, protocol: Protocol, { slaType }: LoadBalancer): void => {
  for (const [name, protocols] of protocolsOf) {
    if (protocols.includes(protocol) || asksForNothing(asked[name])) continue;
    throw new ApiError('InvalidParameterValue', `A ${protocol} listener takes no ${name}.`);
  }
  for (const name of notSimulated) {
    if (asked[name] === true) throw new ApiError('UnsupportedOperation', `${name} is not simulated.`);
  }
  if (asked.SessionType === 'QUIC_CID') {
    throw new ApiError('UnsupportedOperation', 'Sessions by QUIC connection id are not simulated.');
  }
  checkSessionExpireTime(asked.SessionExpireTime);
  if (slaType !== '') return;
  const { MaxConn, MaxCps, IdleConnectTimeout } = asked;
  if (MaxConn !== undefined && MaxConn !== -1) throw wrongValue('MaxConn', MaxConn);
  if (MaxCps !== undefined && MaxCps !== -1) throw wrongValue('MaxCps', MaxCps);
  if (IdleConnectTimeout !== undefined && IdleConnectTimeout > maxSharedIdleSeconds) {
    throw wrongValue('IdleConnectTimeout', IdleConnectTimeout);
  }
};
