import type { ListenerSettings } from '../model/desired-state.ts';

/** The parameters of CreateListener and ModifyListener. The check's type is left to the protocol's default. */
export const settingsToApi = ({ healthCheck, sessionExpireSeconds, scheduler }: ListenerSettings) => ({
  HealthCheck: {
    HealthSwitch: healthCheck.enabled ? 1 : 0,
    IntervalTime: healthCheck.intervalSeconds,
    TimeOut: healthCheck.timeoutSeconds,
    HealthNum: healthCheck.healthyCount,
    UnHealthNum: healthCheck.unhealthyCount,
  },
  SessionExpireTime: sessionExpireSeconds,
  Scheduler: scheduler,
});

/**
 * The parameters of CreateRule and ModifyRule. Probes ask for the domain of their rule; a wildcard is none to ask for,
 * and the CLB wants a name with it: the shortest that the wildcard takes, so that it never is too long.
 */
export const ruleSettingsToApi = (settings: ListenerSettings, domain: string) => {
  const { HealthCheck, ...rest } = settingsToApi(settings);
  const checked = domain.startsWith('*.') ? { HttpCheckDomain: domain.replace('*', 'x') } : {};
  return { HealthCheck: { ...HealthCheck, ...checked }, ...rest };
};

type ApiSettings = ReturnType<typeof settingsToApi>;
type Nullish<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** What a listener is made with that does not say; nulls (layer 7 has its settings on the rules) mean the same. */
const defaults = { HealthSwitch: 1, IntervalTime: 5, TimeOut: 2, HealthNum: 3, UnHealthNum: 3 } as const;

export const settingsFromApi = (listener: {
  readonly HealthCheck?: Nullish<ApiSettings['HealthCheck']> | null | undefined;
  readonly SessionExpireTime?: number | null | undefined;
  readonly Scheduler?: string | null | undefined;
}): ListenerSettings => {
  const setting = (name: keyof typeof defaults): number => listener.HealthCheck?.[name] ?? defaults[name];
  return {
    healthCheck: {
      enabled: setting('HealthSwitch') === 1,
      intervalSeconds: setting('IntervalTime'),
      timeoutSeconds: setting('TimeOut'),
      healthyCount: setting('HealthNum'),
      unhealthyCount: setting('UnHealthNum'),
    },
    sessionExpireSeconds: listener.SessionExpireTime ?? 0,
    scheduler: listener.Scheduler === 'LEAST_CONN' ? 'LEAST_CONN' : 'WRR',
  };
};
