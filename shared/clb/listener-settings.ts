import type { ListenerSettings } from '../model/desired-state.ts';
import type { Fields } from './fields.ts';
import { optionalFields, optionalInteger, optionalText } from './fields.ts';

/** What the CLB takes when a listener is made without saying. */
const checkDefaults = { intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 } as const;

/** The parameters of CreateListener and ModifyListener. The check's type is left to the protocol's default. */
export const settingsToApi = (settings: ListenerSettings) => ({
  HealthCheck: {
    HealthSwitch: settings.healthCheck.enabled ? 1 : 0,
    IntervalTime: settings.healthCheck.intervalSeconds,
    TimeOut: settings.healthCheck.timeoutSeconds,
    HealthNum: settings.healthCheck.healthyCount,
    UnHealthNum: settings.healthCheck.unhealthyCount,
  },
  SessionExpireTime: settings.sessionExpireSeconds,
  Scheduler: settings.scheduler,
});

/** From a listener of DescribeListeners. Nulls (layer 7 has its settings on the rules) are the defaults. */
export const settingsFromApi = (listener: Fields, at: string): ListenerSettings => {
  const check = optionalFields(listener['HealthCheck'], `${at}.HealthCheck`) ?? {};
  const number = (name: string, otherwise: number): number =>
    optionalInteger(check[name], `${at}.HealthCheck.${name}`) ?? otherwise;
  return {
    healthCheck: {
      enabled: number('HealthSwitch', 1) === 1,
      intervalSeconds: number('IntervalTime', checkDefaults.intervalSeconds),
      timeoutSeconds: number('TimeOut', checkDefaults.timeoutSeconds),
      healthyCount: number('HealthNum', checkDefaults.healthyCount),
      unhealthyCount: number('UnHealthNum', checkDefaults.unhealthyCount),
    },
    sessionExpireSeconds: optionalInteger(listener['SessionExpireTime'], `${at}.SessionExpireTime`) ?? 0,
    scheduler: optionalText(listener['Scheduler'], `${at}.Scheduler`) === 'LEAST_CONN' ? 'LEAST_CONN' : 'WRR',
  };
};
