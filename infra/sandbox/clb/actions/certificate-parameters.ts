import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { Certificate } from '../certificates.ts';
import type { Engine } from '../engine/engine.ts';
import type { Tls } from '../model.ts';
import { list, structure, text, word } from '../schema/fields.ts';
import type { Answer } from './action.ts';

const mode = word('UNIDIRECTIONAL', 'MUTUAL');
const verifyClient = word('ON', 'OPTIONAL');

const certificateInput = structure(
  {},
  {
    SSLMode: mode,
    SSLVerifyClient: verifyClient,
    CertId: text(),
    CertCaId: text(),
    CertName: text(),
    CertKey: text(),
    CertContent: text(),
    CertCaName: text(),
    CertCaContent: text(),
  },
);

const multiCertInfo = structure(
  {
    SSLMode: mode,
    CertList: list(
      structure({}, { CertId: text(), CertName: text(), CertContent: text(), CertKey: text() }),
      { min: 1 },
    ),
  },
  { SSLVerifyClient: verifyClient },
);

/** The two ways to say it, of which a request has one. */
export const certificateFields = { Certificate: certificateInput, MultiCertInfo: multiCertInfo };

export type AskedCertificate = ReturnType<typeof certificateInput.parse>;

export interface AskedTls {
  readonly Certificate?: AskedCertificate;
  readonly MultiCertInfo?: ReturnType<typeof multiCertInfo.parse>;
}

export const asksForTls = ({ Certificate, MultiCertInfo }: AskedTls): boolean =>
  Certificate !== undefined || MultiCertInfo !== undefined;

/** A certificate of the account, or one of the request that is not among them yet: that has no id. */
type Found = Omit<Certificate, 'id'> & { readonly id?: string };

interface AskedFile {
  readonly CertId?: string;
  readonly CertName?: string;
  readonly CertContent?: string;
  readonly CertKey?: string;
}

const known = (id: string, engine: Engine): Certificate => {
  const found = engine.certificates.find(id);
  if (found === undefined) {
    throw new ApiError(engine.settings.unknownCertificateCode, `Query certificate '${id}' failed.`);
  }
  return found;
};

const x509Of = (pem: string, path: string): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch {
    throw wrongValue(path, pem);
  }
};

const belongs = (certificate: X509Certificate, keyPem: string): boolean => {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
};

/** What is given as a file is uploaded, and needs a name; its key must be its own. */
const uploaded = (asked: AskedFile, path: string, suffix: string): Found => {
  const { CertName: name, CertContent: certPem, CertKey: keyPem } = asked;
  if (certPem === undefined) throw missingParameter(`${path}.Cert${suffix}Id`);
  if (name === undefined) throw missingParameter(`${path}.Cert${suffix}Name`);
  const contentPath = `${path}.Cert${suffix}Content`;
  const x509 = x509Of(certPem, contentPath);
  if (keyPem !== undefined && !belongs(x509, keyPem)) {
    throw new ApiError('InvalidParameterValue', `The key ${path}.CertKey is not that of the certificate.`);
  }
  return { name, certPem, ...(keyPem === undefined ? {} : { keyPem }) };
};

const found = (asked: AskedFile, path: string, engine: Engine, suffix = ''): Found =>
  asked.CertId === undefined ? uploaded(asked, path, suffix) : known(asked.CertId, engine);

/** A server shows what it has the key of; a CA has none here. */
const checkKind = (certificate: Found, kind: 'server' | 'ca', path: string): void => {
  if ((certificate.keyPem === undefined) === (kind === 'ca')) return;
  throw new ApiError(
    'InvalidParameterValue',
    `The certificate ${certificate.id ?? certificate.name} of ${path} is not a ${kind === 'ca' ? 'CA' : "server's"} certificate.`,
  );
};

interface Plan {
  readonly mode: Tls['mode'];
  readonly verifyClient: 'ON' | 'OPTIONAL';
  readonly servers: readonly Found[];
  readonly ca: Found | undefined;
}

const caFile = ({ CertCaId, CertCaName, CertCaContent }: AskedCertificate): AskedFile => ({
  ...(CertCaId === undefined ? {} : { CertId: CertCaId }),
  ...(CertCaName === undefined ? {} : { CertName: CertCaName }),
  ...(CertCaContent === undefined ? {} : { CertContent: CertCaContent }),
});

const planOfOne = (asked: AskedCertificate, path: string, engine: Engine): Plan => {
  const { SSLMode = 'UNIDIRECTIONAL', SSLVerifyClient = 'ON' } = asked;
  const server = found(asked, path, engine);
  if (asked.CertId === undefined && asked.CertKey === undefined) throw missingParameter(`${path}.CertKey`);
  checkKind(server, 'server', path);
  const ca = SSLMode === 'MUTUAL' ? found(caFile(asked), path, engine, 'Ca') : undefined;
  if (ca !== undefined) checkKind(ca, 'ca', path);
  return { mode: SSLMode, verifyClient: SSLVerifyClient, servers: [server], ca };
};

const planOfSeveral = (
  { SSLMode, SSLVerifyClient = 'ON', CertList }: NonNullable<AskedTls['MultiCertInfo']>,
  path: string,
  engine: Engine,
): Plan => {
  const all = CertList.map((asked, at) => found(asked, `${path}.CertList.${at}`, engine));
  const servers = all.filter(({ keyPem }) => keyPem !== undefined);
  const cas = all.filter(({ keyPem }) => keyPem === undefined);
  const algorithms = servers.map(({ certPem }) => new X509Certificate(certPem).publicKey.asymmetricKeyType);
  if (servers.length === 0 || new Set(algorithms).size < algorithms.length) {
    throw new ApiError(
      'InvalidParameterValue',
      `${path}.CertList is to have server certificates, each of another key algorithm.`,
    );
  }
  if (cas.length !== (SSLMode === 'MUTUAL' ? 1 : 0)) {
    throw new ApiError(
      'InvalidParameterValue',
      `${path}.CertList is to have a CA in MUTUAL mode, and only then.`,
    );
  }
  return { mode: SSLMode, verifyClient: SSLVerifyClient, servers, ca: cas[0] };
};

/**
 * The certificates that a listener or a domain is to have. What is given as files is added to the account's, so
 * this is called when nothing else is left to be refused.
 *
 * @param path of the object that has the members of {@link AskedTls}
 * @returns undefined when none is asked for
 * @throws ApiError InvalidParameter, MissingParameter, InvalidParameterValue, or the code of an unknown id
 */
export const tlsOf = (asked: AskedTls, path: string, engine: Engine): Tls | undefined => {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const { Certificate: one, MultiCertInfo: several } = asked;
  if (one !== undefined && several !== undefined) {
    throw new ApiError(
      'InvalidParameter',
      `Only one of ${at('Certificate')} and ${at('MultiCertInfo')} may be set.`,
    );
  }
  const plan =
    one !== undefined
      ? planOfOne(one, at('Certificate'), engine)
      : several && planOfSeveral(several, at('MultiCertInfo'), engine);
  if (plan === undefined) return undefined;
  const idOf = (certificate: Found): string => certificate.id ?? engine.certificates.add(certificate).id;
  return {
    mode: plan.mode,
    certIds: plan.servers.map(idOf),
    ...(plan.ca === undefined ? {} : { caId: idOf(plan.ca), verifyClient: plan.verifyClient }),
  };
};

/**
 * The certificate that takes the place of another one, of the same kind: a server's, or a CA.
 *
 * @returns its id
 * @throws ApiError as {@link tlsOf}
 */
export const replacementOf = (oldId: string, asked: AskedCertificate, engine: Engine): string => {
  const isCa = known(oldId, engine).keyPem === undefined;
  const givenAsCa = asked.CertCaId !== undefined || asked.CertCaContent !== undefined;
  const replacement =
    isCa && givenAsCa
      ? found(caFile(asked), 'Certificate', engine, 'Ca')
      : found(asked, 'Certificate', engine);
  checkKind(replacement, isCa ? 'ca' : 'server', 'Certificate');
  return replacement.id ?? engine.certificates.add(replacement).id;
};

/** CertificateOutput of the API. */
export const certificateShape = (tls: Tls | undefined): Answer | null => {
  if (tls === undefined) return null;
  const [first = '', ...more] = tls.certIds;
  return {
    SSLMode: tls.mode,
    SSLVerifyClient: tls.verifyClient ?? '',
    CertId: first,
    CertCaId: tls.caId ?? '',
    ExtCertIds: more,
  };
};
