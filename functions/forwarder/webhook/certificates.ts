// The certificate library asks for this one without bringing it.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const authorityMs = 365 * dayMs;
const serverMs = 30 * dayMs;
/** Clocks of API servers may be behind ours. */
const backdatedMs = dayMs;

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Loaded late: it is heavy. */
const library = () => import('@peculiar/x509');

const generateKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** Positive, and no two are equal. */
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

const keyPemOf = async (key: webcrypto.CryptoKey): Promise<string> => {
  const { PemConverter } = await library();
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
};

/** A certificate authority of our own, for a year. */
export const createAuthority = async (nowMs: number): Promise<KeyPair> => {
  const x509 = await library();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: 'CN=clb-direct webhook',
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(nowMs + authorityMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await keyPemOf(keys.privateKey) };
};

/**
 * A server's certificate, for 30 days.
 *
 * @param hosts names and addresses that it is called by
 */
export const issueServerCertificate = async (
  authority: KeyPair,
  hosts: readonly string[],
  nowMs: number,
): Promise<KeyPair> => {
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const pkcs8 = createPrivateKey(authority.keyPem).export({ type: 'pkcs8', format: 'der' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: 'CN=clb-direct webhook server',
      issuer: issuer.subject,
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(nowMs + serverMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        // Tells the authority apart from the one before it, which has the same name.
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
        ),
      ],
    },
    webcrypto,
  );
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await keyPemOf(keys.privateKey) };
};

/** Unix ms of the end of the (first) certificate. @throws when it is none */
export const expiresAt = (certificatePem: string): number =>
  Date.parse(new X509Certificate(certificatePem).validTo);

/** Whether the key is that of the certificate; false too when either cannot be read. */
export const belongTogether = ({ certificatePem, keyPem }: KeyPair): boolean => {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
};
