import type { HistoryEvent, PodChange } from '../scenario/history.ts';

/** What a person is told about an event; `tone` says how to set it off. */
export interface EventText {
  readonly text: string;
  readonly tone: 'plain' | 'good' | 'bad' | 'stage';
}

const podTexts: Record<PodChange, string | undefined> = {
  created: 'created',
  addressed: undefined,
  'containers-ready': 'containers ready',
  'gate-open': 'gate open',
  ready: undefined,
  deleting: 'is being deleted',
  gone: 'gone',
};

/** The part of a Pod's name that tells it from its siblings. */
export const shortName = (pod: string): string => pod.slice(pod.lastIndexOf('-') + 1);

const said = (text: string, tone: EventText['tone'] = 'plain'): EventText => ({ text, tone });

/** What people call things by. */
export interface Names {
  /** The name of the Pod at an address. */
  podAt(ip: string): string | undefined;
  /** A rule, e.g. `a.example.com/path`. */
  ruleAt(locationId: string | undefined): string | undefined;
}

/** One event as a line, or undefined when it is not worth one. */
export const describeEvent = (event: HistoryEvent, names: Names): EventText | undefined => {
  const pod = ({ ip, locationId }: Extract<HistoryEvent, { type: 'target' | 'health' }>): string => {
    const name = names.podAt(ip);
    const rule = names.ruleAt(locationId);
    return `${name === undefined ? ip : `Pod ${shortName(name)}`}${rule === undefined ? '' : ` behind ${rule}`}`;
  };
  switch (event.type) {
    case 'stage':
      return said(event.text, 'stage');
    case 'pod': {
      const text = podTexts[event.change];
      if (text === undefined) return undefined;
      const version = event.change === 'created' ? ` (${event.pod.version})` : '';
      return said(
        `Pod ${shortName(event.pod.name)}: ${text}${version}`,
        event.change === 'gate-open' ? 'good' : 'plain',
      );
    }
    case 'service':
      return event.address === undefined ? undefined : said(`Service: has the address ${event.address}`);
    case 'load-balancer':
      return said(`${event.loadBalancerId}: ${event.change}`);
    case 'listener':
      return said(`${event.loadBalancerId}: listener ${event.listenerId} ${event.change}`);
    case 'rule':
      return said(`${event.loadBalancerId}: rule ${event.domain}${event.url} ${event.change}`);
    case 'target':
      if (event.change === 'registered') return said(`${pod(event)}: bound, weight ${event.weight}`);
      if (event.change === 'weight') return said(`${pod(event)}: weight ${event.weight}`);
      return said(`${pod(event)}: deregistered`);
    case 'health':
      return said(
        `${pod(event)}: health ${event.to}`,
        event.to === 'Alive' ? 'good' : event.to === 'Dead' ? 'bad' : 'plain',
      );
    case 'call':
      return event.code === 'OK' ? undefined : said(`CLB: ${event.action} answered ${event.code}`);
    case 'refused':
      return said(`CLB: ${event.client} refused, ${event.reason}`, 'bad');
    case 'failure':
      return said(
        `${event.client}: ${event.failure.kind}, ${event.failure.detail} (after ${event.failure.afterMs} ms)`,
        'bad',
      );
    case 'kubernetes-event':
      return event.warning ? said(`${event.about}: ${event.reason}, ${event.message}`, 'bad') : undefined;
    case 'process':
      return said(
        event.change === 'started'
          ? `${event.name}: started (process ${event.pid})`
          : `${event.name}: ended, ${event.detail}`,
        event.change === 'started' ? 'plain' : 'bad',
      );
    case 'function':
      if (event.change === 'end' && event.outcome !== 'answer') {
        return said(`function ${event.name}: ${event.outcome} (after ${event.ms} ms)`, 'bad');
      }
      return event.change === 'cold-start' ? said(`function ${event.name}: another instance`) : undefined;
    case 'warning':
      return said(event.text, 'bad');
    default:
      return undefined;
  }
};
