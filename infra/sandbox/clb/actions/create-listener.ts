import { ApiError, tooLong, wrongValue } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import { newId } from '../ids.ts';
import type { Listener, LoadBalancer } from '../load-balancer.ts';
import type { Layer4Protocol, Layer7Protocol } from '../model.ts';
import { Pool } from '../pool.ts';
import { anyObject, flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { action } from './action.ts';
import { defaultHealthCheck, healthCheckField, mergeHealthCheck } from './health-check-parameters.ts';

const parameters = structure(
  {
    LoadBalancerId: text(),
    Ports: list(integer(1, 65_535), { min: 1 }),
    Protocol: word('TCP', 'UDP', 'HTTP', 'HTTPS', 'TCP_SSL', 'QUIC'),
  },
  {
    ListenerNames: list(text({ min: 1, max: 80 })),
    HealthCheck: healthCheckField,
    Certificate: anyObject,
    MultiCertInfo: anyObject,
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

type Parameters = ReturnType<typeof parameters.parse>;

/** TCP, TCP_SSL, HTTP and HTTPS share their ports; UDP and QUIC share theirs. */
const portClass = (protocol: string): 'tcp' | 'udp' =>
  protocol === 'UDP' || protocol === 'QUIC' ? 'udp' : 'tcp';

const supported = (asked: Parameters): 'TCP' | 'UDP' | 'HTTP' => {
  const { Protocol: protocol, EndPort, FullEndPorts, TargetType } = asked;
  if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'HTTP') {
    throw new ApiError('UnsupportedOperation', `Listeners of protocol ${protocol} are not simulated.`);
  }
  if (EndPort !== undefined || FullEndPorts !== undefined) {
    throw new ApiError('UnsupportedOperation', 'Port range listeners are not simulated.');
  }
  if (TargetType !== undefined && TargetType !== 'NODE') {
    throw new ApiError('UnsupportedOperation', 'Target groups are not simulated.');
  }
  if (asked.Certificate !== undefined || asked.MultiCertInfo !== undefined || asked.SniSwitch === 1) {
    throw new ApiError('InvalidParameterValue', `A ${protocol} listener takes no certificate.`);
  }
  return protocol;
};

const checkPorts = ({ Ports, Protocol }: Parameters, lb: LoadBalancer, engine: Engine): void => {
  const { maxPortsPerCreateListener, quotaListeners } = engine.settings;
  if (Ports.length > maxPortsPerCreateListener) throw tooLong('Ports', maxPortsPerCreateListener);
  const taken = new Set(
    [...lb.listeners.values()]
      .filter(({ protocol }) => portClass(protocol) === portClass(Protocol))
      .map(({ port }) => port),
  );
  for (const port of Ports) {
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

const checkNames = ({ ListenerNames: names, Ports }: Parameters): void => {
  if (names === undefined || names.length === Ports.length) return;
  throw new ApiError(
    'InvalidParameterValue.Length',
    'Length of .ListenerNames should be equal to length of .Ports',
  );
};

/** What only a layer-4 listener has; layer 7 has it on its rules, or not at all. */
interface Layer4Members {
  readonly HealthCheck?: unknown;
  readonly Scheduler?: unknown;
  readonly SessionExpireTime?: number;
  readonly SessionType?: string;
  readonly DeregisterTargetRst?: boolean;
  readonly IdleConnectTimeout?: number;
  readonly ProxyProtocol?: boolean;
  readonly RescheduleTargetZeroWeight?: boolean;
  readonly RescheduleUnhealthy?: boolean;
  readonly RescheduleExpandTarget?: boolean;
  readonly RescheduleStartTime?: number;
  readonly RescheduleInterval?: number;
}

const layer4Members = [
  'HealthCheck',
  'Scheduler',
  'SessionExpireTime',
  'SessionType',
  'DeregisterTargetRst',
  'IdleConnectTimeout',
  'ProxyProtocol',
  'RescheduleTargetZeroWeight',
  'RescheduleUnhealthy',
  'RescheduleExpandTarget',
  'RescheduleStartTime',
  'RescheduleInterval',
] as const;

/**
 * Refuses what a listener's layer does not have; what asks for nothing (0, false, NORMAL) passes.
 *
 * @throws ApiError InvalidParameterValue
 */
export const checkLayerMembers = (
  layer: 4 | 7,
  asked: Layer4Members & { readonly KeepaliveEnable?: number },
): void => {
  if (layer === 4) {
    if (asked.KeepaliveEnable === 1) throw wrongValue('KeepaliveEnable', asked.KeepaliveEnable);
    return;
  }
  for (const name of layer4Members) {
    const value = asked[name];
    if (value === undefined || value === 0 || value === false || value === 'NORMAL') continue;
    throw new ApiError('InvalidParameterValue', `A HTTP/HTTPS listener takes no ${name}.`);
  }
};

const layer4Listeners = (asked: Parameters, protocol: Layer4Protocol): Listener[] => {
  checkSessionExpireTime(asked.SessionExpireTime);
  const { Scheduler: scheduler = 'WRR', ListenerNames: names } = asked;
  if (scheduler !== 'WRR' && scheduler !== 'LEAST_CONN') {
    throw new ApiError('InvalidParameterValue', 'Scheduler should be WRR or LEAST_CONN');
  }
  const healthCheck = mergeHealthCheck(defaultHealthCheck(protocol), asked.HealthCheck, protocol);
  return asked.Ports.map(
    (port, at): Listener => ({
      layer: 4,
      id: newId('lbl'),
      protocol,
      port,
      createdAt: new Date(),
      name: names?.[at] ?? '',
      sessionType: asked.SessionType ?? 'NORMAL',
      deregisterTargetRst: asked.DeregisterTargetRst ?? false,
      idleConnectTimeoutSeconds: asked.IdleConnectTimeout ?? (protocol === 'UDP' ? 300 : 900),
      pool: new Pool(healthCheck, scheduler, asked.SessionExpireTime ?? 0),
    }),
  );
};

const layer7Listeners = (asked: Parameters, protocol: Layer7Protocol): Listener[] => {
  if (asked.H2cSwitch === true) throw new ApiError('UnsupportedOperation', 'H2c is not simulated.');
  return asked.Ports.map(
    (port, at): Listener => ({
      layer: 7,
      id: newId('lbl'),
      protocol,
      port,
      createdAt: new Date(),
      name: asked.ListenerNames?.[at] ?? '',
      keepalive: asked.KeepaliveEnable === 1,
      rules: new Map(),
      defaultDomain: undefined,
    }),
  );
};

export const createListener = action('CreateListener', parameters, (asked, engine, context) => {
  const lb = engine.writable(asked.LoadBalancerId, context.region);
  const protocol = supported(asked);
  checkPorts(asked, lb, engine);
  checkNames(asked);
  checkLayerMembers(protocol === 'HTTP' ? 7 : 4, asked);
  const listeners = protocol === 'HTTP' ? layer7Listeners(asked, protocol) : layer4Listeners(asked, protocol);
  engine.begin([lb.id], context, {
    taskName: 'CreateListener',
    durationMs: engine.settings.createListenerMs,
    apply: async () => {
      const opened: Listener[] = [];
      try {
        for (const listener of listeners) {
          await engine.runtime.openListener(lb, listener);
          opened.push(listener);
        }
      } catch (error) {
        for (const listener of opened) engine.runtime.closeListener(lb, listener);
        throw error;
      }
    },
  });
  return { ListenerIds: listeners.map(({ id }) => id) };
});
