// The certificate library asks for this one without bringing it.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { JsonGeneralName } from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 60 * 60 * 1000;
const validMs = 365 * day;

/** A server's certificate and who vouches for it, all PEM. */
export interface ServerCertificate {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

const generalName = (host: string): JsonGeneralName => ({
  type: isIP(host) === 0 ? 'dns' : 'ip',
  value: host,
});

/**
 * Makes a certificate authority of its own and one server certificate, valid for a year.
 *
 * @param hosts the addresses and names the server is reached by
 */
export const makeServerCertificate = async (hosts: readonly string[]): Promise<ServerCertificate> => {
  const x509 = await import('@peculiar/x509');
  const generate = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const [caKeys, serverKeys] = await Promise.all([generate(), generate()]);
  // By the keys, not by the name: a client may trust the authorities of several sandboxes at once.
  const [caKeyId, issuedBy, serverKeyId] = await Promise.all([
    x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto),
    x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto),
    x509.SubjectKeyIdentifierExtension.create(serverKeys.publicKey, false, webcrypto),
  ]);
  const notBefore = new Date(Date.now() - day);
  const notAfter = new Date(Date.now() + validMs);
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: '01',
      name: 'CN=sandbox-ca',
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      keys: caKeys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        caKeyId,
      ],
    },
    webcrypto,
  );
  const server = await x509.X509CertificateGenerator.create(
    {
      serialNumber: '02',
      subject: 'CN=sandbox-server',
      issuer: ca.subject,
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      publicKey: serverKeys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(hosts.map(generalName)),
        serverKeyId,
        issuedBy,
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  return {
    caPem: `${ca.toString('pem')}\n`,
    certificatePem: `${server.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
};
