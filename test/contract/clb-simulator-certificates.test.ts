import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { type SelfSigned, selfSigned } from './clb-simulator-certificates-fixture.ts';
import {
  codeOf,
  type Fixture,
  failureOf,
  type SdkClient,
  sdkClient,
  startFixture,
} from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let nextPort = 20_000;
let ec: SelfSigned;
let rsa: SelfSigned;
let ecId: string;
let otherId: string;
let rsaId: string;
let caId: string;

beforeAll(async () => {
  fixture = await startFixture();
  fixture.simulator.settings.quotaListeners = 500;
  id = (await fixture.createLoadBalancer()).id;
  [ec, rsa] = await Promise.all([selfSigned('ec.example.com'), selfSigned('rsa.example.com', 'rsa')]);
  const { certificates } = fixture.simulator;
  ecId = certificates.add({ name: 'ec', ...ec }).id;
  otherId = certificates.add({ name: 'other', ...(await selfSigned('other.example.com')) }).id;
  rsaId = certificates.add({ name: 'rsa', ...rsa }).id;
  caId = certificates.add({ name: 'ca', certPem: ec.certPem }).id;
});
afterAll(() => fixture.close());
afterEach(() => {
  Object.assign(fixture.simulator.settings, defaultSettings, { callsPerSecond: 1_000, quotaListeners: 500 });
});

type NewListener = Partial<Parameters<SdkClient['CreateListener']>[0]>;
type RuleInput = Parameters<SdkClient['CreateRule']>[0]['Rules'][number];

const create = async (more: NewListener): Promise<string> => {
  nextPort += 1;
  const [listenerId = ''] = await fixture.createListeners(id, [nextPort], more);
  return listenerId;
};

const refusalOf = (more: NewListener) => {
  nextPort += 1;
  return failureOf(
    fixture.client.CreateListener({ LoadBalancerId: id, Ports: [nextPort], Protocol: 'HTTPS', ...more }),
  );
};

const listenerOf = async (listenerId: string) => {
  const { Listeners } = await fixture.client.DescribeListeners({
    LoadBalancerId: id,
    ListenerIds: [listenerId],
  });
  return Listeners?.[0];
};

const createRules = async (listenerId: string, ...rules: Partial<RuleInput>[]): Promise<void> =>
  fixture.done(
    await fixture.client.CreateRule({
      LoadBalancerId: id,
      ListenerId: listenerId,
      Rules: rules.map((rule) => ({ Url: '/', ...rule })),
    }),
  );

const certIdsOf = async (listenerId: string): Promise<(string | undefined)[]> =>
  ((await listenerOf(listenerId))?.Rules ?? []).map(({ Certificate }) => Certificate?.CertId);

const modify = (listenerId: string, more: Partial<Parameters<SdkClient['ModifyListener']>[0]>) =>
  fixture.client.ModifyListener({ LoadBalancerId: id, ListenerId: listenerId, ...more });

const sniListener = (): Promise<string> => create({ Protocol: 'HTTPS', SniSwitch: 1 });

describe('TLS listeners', () => {
  it.each(['HTTPS', 'TCP_SSL'])('of %s show the certificate that they were made with', async (Protocol) => {
    const listenerId = await create({ Protocol, Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: ecId } });
    expect(await listenerOf(listenerId)).toMatchObject({
      Protocol,
      SniSwitch: 0,
      Certificate: { SSLMode: 'UNIDIRECTIONAL', CertId: ecId, CertCaId: '', ExtCertIds: [] },
    });
  });

  it('may upload theirs, of both algorithms, with the CA of their clients', async () => {
    const listenerId = await create({
      Protocol: 'TCP_SSL',
      MultiCertInfo: {
        SSLMode: 'MUTUAL',
        SSLVerifyClient: 'OPTIONAL',
        CertList: [
          { CertName: 'up', CertContent: ec.certPem, CertKey: ec.keyPem },
          { CertId: rsaId },
          { CertId: caId },
        ],
      },
    });
    const shown = (await listenerOf(listenerId))?.Certificate;
    expect(shown).toMatchObject({
      SSLMode: 'MUTUAL',
      SSLVerifyClient: 'OPTIONAL',
      CertCaId: caId,
      ExtCertIds: [rsaId],
    });
    expect(fixture.simulator.certificates.find(shown?.CertId ?? '')).toMatchObject({
      name: 'up',
      certPem: ec.certPem,
      keyPem: ec.keyPem,
    });
  });

  it('need one, of the right kind, with its own key, said in one way', async () => {
    const upload = { CertName: 'up', CertContent: ec.certPem, CertKey: ec.keyPem };
    const several = (...CertList: object[]) => ({ MultiCertInfo: { SSLMode: 'UNIDIRECTIONAL', CertList } });
    const table: [NewListener, string][] = [
      [{}, 'MissingParameter'],
      [{ Protocol: 'TCP_SSL' }, 'MissingParameter'],
      [{ Certificate: {} }, 'MissingParameter'],
      [{ Certificate: { CertId: ecId }, ...several({ CertId: ecId }) }, 'InvalidParameter'],
      [{ Certificate: { CertId: 'cert-00000000' } }, 'FailedOperation'],
      [{ Certificate: { CertId: caId } }, 'InvalidParameterValue'],
      [{ Certificate: { CertId: ecId, SSLMode: 'BOTH' } }, 'InvalidParameterValue'],
      [{ Certificate: { CertId: ecId, SSLMode: 'MUTUAL' } }, 'MissingParameter'],
      [{ Certificate: { CertId: ecId, SSLMode: 'MUTUAL', CertCaId: rsaId } }, 'InvalidParameterValue'],
      [{ Certificate: { ...upload, CertContent: 'no PEM' } }, 'InvalidParameterValue'],
      [{ Certificate: { ...upload, CertKey: rsa.keyPem } }, 'InvalidParameterValue'],
      [{ Certificate: { ...upload, CertKey: 'no PEM' } }, 'InvalidParameterValue'],
      [{ Certificate: { CertName: 'up', CertContent: ec.certPem } }, 'MissingParameter'],
      [{ Certificate: { CertContent: ec.certPem, CertKey: ec.keyPem } }, 'MissingParameter'],
      [several(), 'InvalidParameterValue.Length'],
      [several({ CertId: ecId }, { CertId: otherId }), 'InvalidParameterValue'],
      [several({ CertId: ecId }, { CertId: caId }), 'InvalidParameterValue'],
      [{ MultiCertInfo: { SSLMode: 'MUTUAL', CertList: [{ CertId: ecId }] } }, 'InvalidParameterValue'],
      [{ Protocol: 'HTTP', Certificate: { CertId: ecId } }, 'InvalidParameterValue'],
      [{ Protocol: 'TCP', Certificate: { CertId: ecId } }, 'InvalidParameterValue'],
      [{ Protocol: 'TCP_SSL', SniSwitch: 1, Certificate: { CertId: ecId } }, 'InvalidParameterValue'],
      [{ SniSwitch: 1, Certificate: { CertId: ecId } }, 'InvalidParameterValue'],
    ];
    for (const [asked, code] of table) {
      expect((await refusalOf(asked)).code, JSON.stringify(asked).slice(0, 200)).toBe(code);
    }
    expect((await refusalOf({ Certificate: { CertId: 'cert-00000000' } })).message).toBe(
      "Query certificate 'cert-00000000' failed.",
    );
    fixture.simulator.settings.unknownCertificateCode = 'InvalidParameter';
    expect((await refusalOf({ Certificate: { CertId: 'x' } })).code).toBe('InvalidParameter');
  });

  it('change their certificate, and no other listener gets one', async () => {
    const listenerId = await create({ Protocol: 'HTTPS', Certificate: { CertId: ecId } });
    await fixture.done(await modify(listenerId, { Certificate: { CertId: rsaId } }));
    expect((await listenerOf(listenerId))?.Certificate).toMatchObject({ CertId: rsaId });
    const http = await create({ Protocol: 'HTTP' });
    expect(await codeOf(modify(http, { Certificate: { CertId: ecId } }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify(http, { SniSwitch: 1 }))).toBe('InvalidParameterValue');
    await fixture.done(await modify(http, { SniSwitch: 0 }));
  });

  it('have their targets bound in batches, unless that is switched; one by one they always are', async () => {
    const listenerId = await create({ Protocol: 'TCP_SSL', Certificate: { CertId: ecId } });
    const target = { EniIp: fixture.addresses.allocate('pod'), Port: 8_443 };
    const batch = { LoadBalancerId: id, Targets: [{ ...target, ListenerId: listenerId }] };
    const single = { LoadBalancerId: id, ListenerId: listenerId, Targets: [target] };
    await fixture.client.BatchRegisterTargets(batch);
    await fixture.unlocked(id);
    fixture.simulator.settings.batchOnTcpSsl = 'refuse';
    for (const call of ['BatchRegisterTargets', 'BatchDeregisterTargets'] as const) {
      expect(await codeOf(fixture.client[call](batch))).toBe('InvalidParameter.ProtocolCheckFailed');
    }
    await fixture.done(await fixture.client.DeregisterTargets(single));
    await fixture.done(await fixture.client.RegisterTargets(single));
    expect(fixture.target(target.EniIp).port).toBe(8_443);
    fixture.simulator.settings.batchOnTcpSsl = 'accept';
  });

  it('share the ports of TCP', async () => {
    await create({ Protocol: 'HTTPS', Certificate: { CertId: ecId } });
    for (const Protocol of ['TCP', 'HTTP', 'TCP_SSL', 'HTTPS']) {
      nextPort -= 1;
      const more = Protocol === 'TCP' || Protocol === 'HTTP' ? {} : { Certificate: { CertId: ecId } };
      expect((await refusalOf({ Protocol, ...more })).code).toBe('InvalidParameter.PortCheckFailed');
    }
  });
});

describe('SNI', () => {
  it('takes the certificates of rules; rules of a domain share them', async () => {
    const listenerId = await sniListener();
    expect(await listenerOf(listenerId)).toMatchObject({ SniSwitch: 1, Certificate: null, Rules: [] });
    const place = { LoadBalancerId: id, ListenerId: listenerId };
    const rule = (more: Partial<RuleInput>) =>
      codeOf(
        fixture.client.CreateRule({ ...place, Rules: [{ Url: '/', Domain: 'a.example.com', ...more }] }),
      );
    expect(await rule({})).toBe('MissingParameter');
    await createRules(
      listenerId,
      { Domain: 'a.example.com', Url: '/1', Certificate: { CertId: ecId }, Http2: true },
      { Domain: 'a.example.com', Url: '/2' },
      { Domain: 'b.example.com', Certificate: { CertId: rsaId } },
    );
    expect(await certIdsOf(listenerId)).toEqual([ecId, ecId, rsaId]);
    expect((await listenerOf(listenerId))?.Rules?.map(({ Http2 }) => Http2)).toEqual([true, true, false]);
    expect(await rule({ Url: '/3', Certificate: { CertId: rsaId } })).toBe('InvalidParameterValue');
    await createRules(listenerId, { Domain: 'a.example.com', Url: '/3', Certificate: { CertId: ecId } });
    fixture.simulator.settings.secondCertificateOfDomain = 'replace';
    await createRules(listenerId, { Domain: 'a.example.com', Url: '/4', Certificate: { CertId: otherId } });
    expect(await certIdsOf(listenerId)).toEqual([otherId, otherId, rsaId, otherId, otherId]);
  });

  it('changes a domain at a time', async () => {
    const listenerId = await sniListener();
    await createRules(
      listenerId,
      { Domain: 'a.example.com', Url: '/1', Certificate: { CertId: ecId } },
      { Domain: 'a.example.com', Url: '/2' },
      { Domain: 'b.example.com', Certificate: { CertId: rsaId } },
    );
    const place = { LoadBalancerId: id, ListenerId: listenerId };
    const change = { ...place, Domain: 'a.example.com', Certificate: { CertId: otherId }, Http2: true };
    await fixture.done(await fixture.client.ModifyDomainAttributes(change));
    expect(await certIdsOf(listenerId)).toEqual([otherId, otherId, rsaId]);
    await fixture.done(
      await fixture.client.ModifyDomain({ ...place, Domain: 'a.example.com', NewDomain: 'c.example.com' }),
    );
    expect(await certIdsOf(listenerId)).toEqual([otherId, otherId, rsaId]);
    expect((await listenerOf(listenerId))?.Rules?.map(({ Http2 }) => Http2)).toEqual([true, true, false]);
  });

  it('is turned on, when every domain keeps what its listener showed, and never off', async () => {
    const listenerId = await create({ Protocol: 'HTTPS', Certificate: { CertId: ecId } });
    const place = { LoadBalancerId: id, ListenerId: listenerId };
    const withCertificate = { Url: '/', Domain: 'a.example.com', Certificate: { CertId: rsaId } };
    expect(await codeOf(fixture.client.CreateRule({ ...place, Rules: [withCertificate] }))).toBe(
      'InvalidParameterValue',
    );
    await createRules(listenerId, { Domain: 'a.example.com' });
    expect(await certIdsOf(listenerId)).toEqual([undefined]);
    const onWithCertificate = { SniSwitch: 1, Certificate: { CertId: rsaId } };
    expect(await codeOf(modify(listenerId, onWithCertificate))).toBe('InvalidParameterValue');
    await fixture.done(await modify(listenerId, { SniSwitch: 1 }));
    expect(await listenerOf(listenerId)).toMatchObject({ SniSwitch: 1, Certificate: null });
    expect(await certIdsOf(listenerId)).toEqual([ecId]);
    expect(await codeOf(modify(listenerId, { SniSwitch: 0 }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify(listenerId, { Certificate: { CertId: rsaId } }))).toBe(
      'InvalidParameterValue',
    );
    await fixture.done(await modify(listenerId, { SniSwitch: 1, ListenerName: 'still on' }));
  });
});

describe('ReplaceCertForLoadBalancers', () => {
  it('puts a certificate in the place of another everywhere, called in ap-guangzhou', async () => {
    const { client, simulator } = fixture;
    const { certificates } = simulator;
    const oldId = certificates.add({ name: 'old', ...ec }).id;
    const oldCaId = certificates.add({ name: 'old-ca', certPem: ec.certPem }).id;
    const listenerId = await create({
      Protocol: 'TCP_SSL',
      Certificate: { SSLMode: 'MUTUAL', CertId: oldId, CertCaId: oldCaId },
    });
    const sni = await sniListener();
    await createRules(
      sni,
      { Domain: 'a.example.com', Certificate: { CertId: oldId } },
      { Domain: 'b.example.com', Certificate: { CertId: rsaId } },
    );
    const replace = (OldCertificateId: string, Certificate: object) =>
      client.ReplaceCertForLoadBalancers({ OldCertificateId, Certificate });
    const answer = await replace(oldId, { CertName: 'new', CertContent: rsa.certPem, CertKey: rsa.keyPem });
    await fixture.done(answer);
    const newId = (await listenerOf(listenerId))?.Certificate?.CertId ?? '';
    expect(certificates.find(newId)).toMatchObject({ name: 'new', certPem: rsa.certPem });
    expect(await certIdsOf(sni)).toEqual([newId, rsaId]);
    await replace(oldCaId, { CertCaId: caId });
    expect((await listenerOf(listenerId))?.Certificate).toMatchObject({ CertId: newId, CertCaId: caId });
    expect(await codeOf(replace(newId, { CertId: caId }))).toBe('InvalidParameterValue');
    expect(await codeOf(replace('cert-00000000', { CertId: ecId }))).toBe('FailedOperation');
    const elsewhere = sdkClient(simulator, { region: 'ap-shanghai' });
    expect(
      await codeOf(
        elsewhere.ReplaceCertForLoadBalancers({ OldCertificateId: newId, Certificate: { CertId: ecId } }),
      ),
    ).toBe('InvalidParameter');
  });
});
