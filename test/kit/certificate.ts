/**
 * @module test/kit/certificate
 * A self-signed certificate for localhost, 127.0.0.1 and ::1 with its key, good for a hundred years
 * and for nothing but tests. To trust it within a process: `tls.setDefaultCACertificates([...
 * tls.getCACertificates(), localhostCertificate.cert])`; in a child process: NODE_EXTRA_CA_CERTS.
 *
 * Made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
 *   -subj "/CN=Millrace test origin" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
 */
export const localhostCertificate: { readonly cert: string; readonly key: string } = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBwzCCAWqgAwIBAgIUapvSQNaKatlUI04X37aS2oXV8SowCgYIKoZIzj0EAwIw
HzEdMBsGA1UEAwwUTWlsbHJhY2UgdGVzdCBvcmlnaW4wIBcNMjYxMTIyMDIzMjIw
WhgPMjEyNjEwMjkwMjMyMjBaMB8xHTAbBgNVBAMMFE1pbGxyYWNlIHRlc3Qgb3Jp
Z2luMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDBfd+Fim92rJrhPvH1KPOsE8
ydsub7GLw8sDqE/ZrMbtAzsKKlPHLrylQ0rvbsrDdrW/cQAYN/GqRlthgKm+L6OB
gTB/MB0GA1UdDgQWBBQEIR+eukT4+xjeAD69Yv4ivSIaYjAfBgNVHSMEGDAWgBQE
IR+eukT4+xjeAD69Yv4ivSIaYjAPBgNVHRMBAf8EBTADAQH/MCwGA1UdEQQlMCOC
CWxvY2FsaG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAKBggqhkjOPQQDAgNH
ADBEAiBvN55cLRsGB60j8aOrdiZWdI1WyTxIPhtid+1fU/bUywIgQHnK8h29+iM1
AxLsFkTPib+VZssdS+6vD0wmZMTe8oY=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmjyim0W9AGr/NtqA
TKtuxmXf0I1zhmVUiweVLsvUedShRANCAAQMF934WKb3asmuE+8fUo86wTzJ2y5v
sYvDywOoT9msxu0DOwoqU8cuvKVDSu9uysN2tb9xABg38apGW2GAqb4v
-----END PRIVATE KEY-----
`,
};
