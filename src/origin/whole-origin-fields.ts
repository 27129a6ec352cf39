/**
 * @module origin/whole-origin-fields
 * Response fields that speak for a whole web origin, or for its host. Under the proxy all embedded
 * hosts have one, so each could speak for all others.
 */
export const WHOLE_ORIGIN_FIELDS: readonly string[] = [
  // A service worker answers for all pages below its scope: https://w3c.github.io/ServiceWorker/#service-worker-allowed
  'Service-Worker-Allowed',
  // https://w3c.github.io/webappsec-clear-site-data/#header
  'Clear-Site-Data',
  // https://www.rfc-editor.org/rfc/rfc6797.html#section-6.1
  'Strict-Transport-Security',
  // https://www.rfc-editor.org/rfc/rfc7469.html#section-2.1 and https://www.rfc-editor.org/rfc/rfc9163.html#section-2.1, which older browsers know
  'Public-Key-Pins', 'Public-Key-Pins-Report-Only', 'Expect-CT',
  // https://www.rfc-editor.org/rfc/rfc7838.html#section-3
  'Alt-Svc',
  // https://w3c.github.io/network-error-logging/#nel-response-header
  'NEL',
  // https://w3c.github.io/reporting/#header, and its predecessor https://www.w3.org/TR/2018/WD-reporting-1-20180925/#header
  'Reporting-Endpoints', 'Report-To',
  // https://html.spec.whatwg.org/multipage/browsers.html#origin-keyed-agent-clusters
  'Origin-Agent-Cluster',
  // https://w3c-fedid.github.io/login-status/#login-status-http, and the name it had before
  'Set-Login', 'IdP-SignIn-Status',
  // https://html.spec.whatwg.org/multipage/speculative-loading.html#the-speculation-rules-header
  'Speculation-Rules',
  // https://www.rfc-editor.org/rfc/rfc9842.html#section-2.1
  'Use-As-Dictionary',
  // https://www.rfc-editor.org/rfc/rfc8942.html#section-3.1 and https://wicg.github.io/client-hints-infrastructure/#critical-ch
  'Accept-CH', 'Accept-CH-Lifetime', 'Critical-CH',
  // A trial that is kept for the origin: https://github.com/GoogleChrome/OriginTrials/blob/gh-pages/explainer.md
  'Origin-Trial', 'Critical-Origin-Trial',
  // https://w3c.github.io/webappsec-dbsc/#header-secure-session-registration
  'Secure-Session-Registration', 'Secure-Session-Challenge', 'Sec-Session-Registration', 'Sec-Session-Challenge',
  // https://privacycg.github.io/storage-access-headers/#activate-storage-access
  'Activate-Storage-Access',
  // https://patcg-individual-drafts.github.io/topics/#the-observe-browsing-topics-http-response-header-header
  'Observe-Browsing-Topics',
  // https://wicg.github.io/attribution-reporting-api/#http-headers
  'Attribution-Reporting-Register-Source', 'Attribution-Reporting-Register-Trigger',
];
