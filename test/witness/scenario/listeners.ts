import type { Step } from './step.ts';

const lb = { LoadBalancerId: '<lb>' } as const;
const listenerId = { $match: '^lbl-[0-9a-z]{8}$' };

const upload = (name: string) => ({
  SSLMode: 'UNIDIRECTIONAL',
  CertName: name,
  CertContent: `<${name}Certificate>`,
  CertKey: `<${name}Key>`,
});

/** A listener of each protocol. */
export const listeners: readonly Step[] = [
  {
    name: 'two TCP listeners in one call, in the order of their ports',
    action: 'CreateListener',
    parameters: {
      ...lb,
      Ports: [81, 80],
      Protocol: 'TCP',
      ListenerNames: ['second', 'first'],
      HealthCheck: { HealthSwitch: 1, TimeOut: 2, IntervalTime: 5, HealthNum: 2, UnHealthNum: 2 },
    },
    answer: { ListenerIds: [listenerId, listenerId] },
    capture: { second: 'ListenerIds.0', tcp: 'ListenerIds.1' },
    task: true,
  },
  {
    name: 'a protocol is known in small letters, and UDP has ports of its own',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [80], Protocol: 'udp', ListenerNames: ['udp'] },
    capture: { udp: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'an HTTP listener',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [8080], Protocol: 'HTTP', ListenerNames: ['http'] },
    capture: { http: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'a TCP_SSL listener, whose certificate comes with it',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [8443], Protocol: 'TCP_SSL', Certificate: upload('one') },
    capture: { tls: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'its certificate has an id',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<tls>'] },
    answer: {
      'Listeners.0.Protocol': 'TCP_SSL',
      'Listeners.0.SniSwitch': 0,
      'Listeners.0.Certificate.SSLMode': 'UNIDIRECTIONAL',
      'Listeners.0.Certificate.CertId': { $match: '^[0-9A-Za-z-]+$' },
    },
    capture: { certificate: 'Listeners.0.Certificate.CertId' },
  },
  {
    name: 'an HTTPS listener with a certificate that is there already',
    action: 'CreateListener',
    parameters: {
      ...lb,
      Ports: [443],
      Protocol: 'HTTPS',
      Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: '<certificate>' },
    },
    capture: { https: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'an HTTPS listener whose domains have the certificates (SNI)',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [444], Protocol: 'HTTPS', SniSwitch: 1 },
    capture: { sni: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'an HTTPS listener with a list of certificates',
    action: 'CreateListener',
    parameters: {
      ...lb,
      Ports: [446],
      Protocol: 'HTTPS',
      MultiCertInfo: { SSLMode: 'UNIDIRECTIONAL', CertList: [{ CertId: '<certificate>' }] },
    },
    capture: { several: 'ListenerIds.0' },
    task: true,
  },
  {
    name: 'it goes again',
    action: 'DeleteListener',
    parameters: { ...lb, ListenerId: '<several>' },
    task: true,
  },
  {
    name: 'no HTTPS listener without a certificate',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [445], Protocol: 'HTTPS' },
    error: { code: 'MissingParameter', message: 'Certificate' },
  },
  {
    name: 'no certificate of an id that nobody has',
    action: 'CreateListener',
    parameters: {
      ...lb,
      Ports: [445],
      Protocol: 'HTTPS',
      Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: 'nobodys' },
    },
    error: { code: 'FailedOperation', message: "^Query certificate 'nobodys' failed\\.$" },
    strict: {
      error: { code: 'InvalidParameterValue', message: "^Query certificate 'nobodys' failed\\.$" },
    },
  },
  {
    name: 'HTTP has no port that TCP has',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [80], Protocol: 'HTTP' },
    error: { code: 'InvalidParameter.PortCheckFailed' },
  },
  {
    name: 'fifty ports are too many for one call',
    action: 'CreateListener',
    parameters: { ...lb, Ports: Array.from({ length: 50 }, (_, at) => 10_000 + at), Protocol: 'TCP' },
    error: { code: 'InvalidParameterValue.Length', message: '^Length of \\.Ports should be less than 50$' },
  },
  {
    name: 'more listeners than the quota allows',
    action: 'CreateListener',
    parameters: { ...lb, Ports: Array.from({ length: 49 }, (_, at) => 10_000 + at), Protocol: 'TCP' },
    error: { code: 'LimitExceeded' },
  },
  {
    name: 'no scheduler that only rules have',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [445], Protocol: 'TCP', Scheduler: 'IP_HASH' },
    error: { code: 'InvalidParameterValue', message: '^Scheduler should be WRR or LEAST_CONN$' },
  },
  {
    name: 'a TCP listener as it is described',
    action: 'DescribeListeners',
    parameters: { ...lb, Protocol: 'TCP', Port: 80 },
    answer: {
      TotalCount: 1,
      Listeners: { $length: 1 },
      'Listeners.0.ListenerId': '<tcp>',
      'Listeners.0.ListenerName': 'first',
      'Listeners.0.Protocol': 'TCP',
      'Listeners.0.Port': 80,
      'Listeners.0.EndPort': 0,
      'Listeners.0.Scheduler': 'WRR',
      'Listeners.0.SessionExpireTime': 0,
      'Listeners.0.SniSwitch': 0,
      'Listeners.0.Rules': null,
      'Listeners.0.Certificate': null,
      'Listeners.0.TargetType': 'NODE',
      'Listeners.0.HealthCheck.HealthSwitch': 1,
      'Listeners.0.HealthCheck.CheckType': 'TCP',
      'Listeners.0.HealthCheck.IntervalTime': 5,
      'Listeners.0.HealthCheck.HealthNum': 2,
      'Listeners.0.HealthCheck.HttpCode': null,
    },
  },
  {
    name: 'an HTTP listener has no health check of its own',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<http>'] },
    answer: {
      'Listeners.0.Protocol': 'HTTP',
      'Listeners.0.HealthCheck': null,
      'Listeners.0.Scheduler': null,
      'Listeners.0.Rules': { $length: 0 },
    },
  },
  {
    name: 'a listener is changed',
    action: 'ModifyListener',
    parameters: { ...lb, ListenerId: '<tcp>', ListenerName: 'changed', SessionExpireTime: 60 },
    task: true,
  },
  {
    name: 'what was not named stays as it was',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<tcp>'] },
    answer: {
      'Listeners.0.ListenerName': 'changed',
      'Listeners.0.SessionExpireTime': 60,
      'Listeners.0.Scheduler': 'WRR',
      'Listeners.0.HealthCheck.HealthNum': 2,
    },
  },
  {
    name: 'a listener that is not there is absent from what is described',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['lbl-00000000'] },
    answer: { TotalCount: 0, Listeners: { $length: 0 } },
  },
];

/** Rules of the two layer-7 protocols, and who shows which certificate. */
export const rules: readonly Step[] = [
  {
    name: 'rules are created in the order of the call',
    action: 'CreateRule',
    parameters: {
      ...lb,
      ListenerId: '<http>',
      Rules: [
        { Domain: 'a.example.com', Url: '/' },
        { Domain: 'a.example.com', Url: '/api', Scheduler: 'IP_HASH' },
        { Domain: 'b.example.com', Url: '/', SessionExpireTime: 30 },
      ],
    },
    answer: { LocationIds: { $length: 3 }, 'LocationIds.0': { $match: '^loc-[0-9a-z]{8}$' } },
    capture: { root: 'LocationIds.0', api: 'LocationIds.1', other: 'LocationIds.2' },
    task: true,
  },
  {
    name: 'no rule twice',
    action: 'CreateRule',
    parameters: { ...lb, ListenerId: '<http>', Rules: [{ Domain: 'a.example.com', Url: '/api' }] },
    error: { code: 'InvalidParameterValue' },
    strict: { error: { code: 'FailedOperation' } },
  },
  {
    name: 'no rule of a layer-4 listener',
    action: 'CreateRule',
    parameters: { ...lb, ListenerId: '<tcp>', Rules: [{ Domain: 'a.example.com', Url: '/' }] },
    error: { code: 'InvalidParameterValue', message: '^This interface only support HTTP/HTTPS listener\\.$' },
  },
  {
    name: 'rules as they are described',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<http>'] },
    answer: {
      'Listeners.0.Rules': { $length: 3 },
      'Listeners.0.Rules.0.LocationId': '<root>',
      'Listeners.0.Rules.0.ListenerId': '<http>',
      'Listeners.0.Rules.0.Domain': 'a.example.com',
      'Listeners.0.Rules.0.Url': '/',
      'Listeners.0.Rules.0.DefaultServer': true,
      'Listeners.0.Rules.0.HealthCheck.CheckType': 'HTTP',
      'Listeners.0.Rules.0.HealthCheck.HttpCode': 31,
      'Listeners.0.Rules.1.Scheduler': 'IP_HASH',
      'Listeners.0.Rules.2.SessionExpireTime': 30,
      'Listeners.0.Rules.2.DefaultServer': false,
    },
  },
  {
    name: 'a rule is changed',
    action: 'ModifyRule',
    parameters: { ...lb, ListenerId: '<http>', LocationId: '<api>', Url: '/v2', Scheduler: 'WRR' },
    task: true,
  },
  {
    name: 'a domain is renamed',
    action: 'ModifyDomain',
    parameters: { ...lb, ListenerId: '<http>', Domain: 'b.example.com', NewDomain: 'c.example.com' },
    task: true,
  },
  {
    name: 'a domain becomes the default one',
    action: 'ModifyDomainAttributes',
    parameters: { ...lb, ListenerId: '<http>', Domain: 'c.example.com', DefaultServer: true },
    task: true,
  },
  {
    name: 'the three changes are seen',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<http>'] },
    answer: {
      'Listeners.0.Rules.0.DefaultServer': false,
      'Listeners.0.Rules.1.Url': '/v2',
      'Listeners.0.Rules.1.Scheduler': 'WRR',
      'Listeners.0.Rules.2.Domain': 'c.example.com',
      'Listeners.0.Rules.2.DefaultServer': true,
    },
  },
  {
    name: 'domains of an SNI listener, each with its certificate',
    action: 'CreateRule',
    parameters: {
      ...lb,
      ListenerId: '<sni>',
      Rules: [
        {
          Domain: 'a.example.com',
          Url: '/',
          Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: '<certificate>' },
        },
        { Domain: 'b.example.com', Url: '/', Certificate: upload('two') },
      ],
    },
    capture: { secure: 'LocationIds.0' },
    task: true,
  },
  {
    name: 'the certificates of its rules',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<sni>'] },
    answer: {
      'Listeners.0.SniSwitch': 1,
      'Listeners.0.Certificate': null,
      'Listeners.0.Rules.0.Certificate.CertId': '<certificate>',
      'Listeners.0.Rules.1.Certificate.CertId': { $match: '.' },
    },
    capture: { newCertificate: 'Listeners.0.Rules.1.Certificate.CertId' },
  },
  {
    name: 'one certificate takes the place of another, everywhere',
    action: 'ReplaceCertForLoadBalancers',
    parameters: {
      OldCertificateId: '<certificate>',
      Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: '<newCertificate>' },
    },
    task: true,
  },
  {
    name: 'the listeners and the rules show the new one',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<https>', '<sni>'] },
    answer: {
      'Listeners.0.Certificate.CertId': '<newCertificate>',
      'Listeners.1.Rules.0.Certificate.CertId': '<newCertificate>',
    },
  },
];
