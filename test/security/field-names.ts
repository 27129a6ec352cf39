/**
 * @module test/security/field-names
 * Request fields as they are met in practice: those that say who asks, and those that everybody sends.
 */

export const CREDENTIAL_NAMES: readonly string[] = `
Cookie Cookie2 X-Cookie X-SessionCookie Authorization Proxy-Authorization X-Authorization X-Auth Auth Authentication X-Authentication X-OAuth-Token X-OAuth-Scopes
X-API-Key X-Api-Key Api-Key ApiKey X-ApiKey X_API_KEY api_key Key X-Key X-Access-Key Access-Key X-Access-Key-Id X-Secret-Key X-App-Key App-Key X-Application-Key X-Client-Key X-Public-Key X-License-Key
X-Auth-Key X-Auth-Email X-Auth-User X-Auth-Token Auth-Token AuthToken X-AuthToken X-Auth-Token-Key X-Auth-Signature X-Auth-Roles X-Authenticated-User X-Authenticated-Userid X-Consumer-Authenticated
Token X-Token Access-Token X-Access-Token AccessToken X_Access_Token Api-Token X-Api-Token ApiToken X-App-Token App-Token X-Bearer-Token Bearer X-Refresh-Token Refresh-Token X-User-Token User-Token X-Id-Token Id-Token X-Device-Token X-Service-Token X-Security-Token
X-CSRF-Token X-XSRF-Token X-CSRFToken CSRF-Token
Session-Id Session X-Session X-Session-Id X-Session-Token Session-Token SessionId X-SessionId X-Session-Key X-User-Session X-SID SID X-PHP-Session
X-JWT JWT X-JWT-Assertion X-JWT-Token X-Jwt-Payload X-Bearer
X-Secret Secret X-App-Secret App-Secret Api-Secret X-Api-Secret Client-Secret X-Client-Secret
X-Password Password X-Passwd Passwd Pass X-Pass X-PWD X-Passphrase X-Passcode X-OTP X-Login Login X-Credential X-Credentials
X-User User X-User-Id User-Id UserId X-UserId X-UID UID X-User-Name X-Username Username X-User-Email X-User-Info X-User-Role X-User-Roles X-User-Groups Remote-User X-Remote-User REMOTE_USER Remote-Groups Remote-Email Remote-Name X-Remote-Group X-Email X-Roles X-Permissions X-Claims
X-Account X-Account-Id Account-Id X-Customer-Id Customer-Id X-Member-Id X-Subscriber-Id X-Tenant X-Tenant-Id X-Scope-OrgID X-Org-Id X-Client-Id Client-Id X-Device-Id X-Visitor-Id X-Client-Identifier
X-SSL-Client-Cert X-SSL-Client-S-DN X-SSL-Client-Verify X-SSL-Client-DN SSL-Client-Cert SSL_CLIENT_S_DN X-Client-Cert Client-Cert Client-Cert-Chain X-Client-Certificate X-Client-DN X-TLS-Client-Subject X-ARR-ClientCert X-SSL-Cert X-Forwarded-Client-Cert X-Client-Verify
X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Access-Token X-Forwarded-Preferred-Username
X-MS-CLIENT-PRINCIPAL X-MS-CLIENT-PRINCIPAL-ID X-MS-CLIENT-PRINCIPAL-NAME X-MS-TOKEN-AAD-ID-TOKEN X-ZUMO-AUTH Ocp-Apim-Subscription-Key X-Functions-Key X-Identity X-Principal X-Amzn-Oidc-Identity X-Amzn-Oidc-Data X-Amzn-Oidc-AccessToken X-Amz-Security-Token X-Amz-Access-Token
CF-Access-Client-Id CF-Access-Client-Secret CF-Access-Jwt-Assertion CF-Access-Token Cf-Access-Authenticated-User-Email X-Goog-Api-Key X-Goog-IAP-JWT-Assertion X-Goog-Authenticated-User-Email X-Goog-AuthUser X-Goog-Visitor-Id X-Youtube-Identity-Token X-Vercel-Oidc-Token
X-Redmine-API-Key X-Hasura-Admin-Secret X-Hasura-Role X-Hasura-User-Id X-Figma-Token X-Plex-Token X-Consul-Token X-Vault-Token X-Nomad-Token DD-API-KEY DD-APPLICATION-KEY Private-Token Job-Token Deploy-Token X-Gitlab-Token X-Gitea-OTP X-Shopify-Access-Token X-Shopify-Storefront-Access-Token X-RapidAPI-Key X-Algolia-API-Key X-Parse-Session-Token X-Parse-REST-API-Key X-Emby-Token X-Emby-Authorization X-MediaBrowser-Token X-Jenkins-Token X-Sentry-Auth X-Sentry-Token X-Airtable-Key X-Mashape-Key X-N8N-API-KEY X-Elastic-Api-Key X-Meili-API-Key X-Typesense-Api-Key X-Qdrant-Api-Key X-Auth-Request-User X-Auth-Request-Access-Token X-WEBAUTH-USER X-Authentik-Username X-Authentik-Jwt X-Pomerium-Jwt-Assertion X-Teleport-Token X-Rundeck-Auth-Token X-TrackerToken X-Xray-Session X-Okta-Session X-Atlassian-Token X-Plex-Client-Identifier X-Trello-Token X-Linode-Token X-DigitalOcean-Token X-Postmark-Server-Token X-Sendgrid-Key
Signature Signature-Input X-Signature X-Hub-Signature X-Hub-Signature-256 Stripe-Signature X-Twilio-Signature X-Slack-Signature X-Shopify-Hmac-Sha256 DPoP SAML-Response X-SAML-Assertion Impersonate-User Impersonate-Group X-Impersonate X-SSO X-Kerberos-Ticket Sec-Session-Response Sec-Token-Binding
X-MSISDN MSISDN X-Nokia-MSISDN X-IMSI X-UP-Subno X-UIDH X-ACR Discourse-Logged-In
`.trim().split(/\s+/);

/** Of browsers, players, programs, CDNs, proxies and tracing. */
export const HARMLESS_NAMES: readonly string[] = `
Host Connection Keep-Alive User-Agent Accept Accept-Language Accept-Encoding Accept-Charset Accept-Datetime Accept-CH Accept-Patch Accept-Ranges Accept-Signature Referer Origin From Range If-Range If-None-Match If-Modified-Since If-Match If-Unmodified-Since Cache-Control Pragma TE Upgrade Via Warning Max-Forwards Expect Prefer Priority Date Content-Type Content-Length Content-Encoding Content-Language Content-Location Content-Disposition Content-MD5 Content-Digest Repr-Digest Want-Content-Digest Want-Repr-Digest Digest Trailer Early-Data Alt-Used
Upgrade-Insecure-Requests DNT Sec-GPC Save-Data Device-Memory Downlink ECT RTT DPR Width Viewport-Width Viewport-Height Purpose X-Purpose X-Moz Sec-Purpose Service-Worker Service-Worker-Navigation-Preload Available-Dictionary Dictionary-ID Last-Event-ID Ping-From Ping-To Access-Control-Request-Method Access-Control-Request-Headers Access-Control-Request-Private-Network
Sec-Fetch-Site Sec-Fetch-Mode Sec-Fetch-Dest Sec-Fetch-User Sec-Fetch-Storage-Access Sec-WebSocket-Key Sec-WebSocket-Version Sec-WebSocket-Extensions Sec-WebSocket-Protocol
Sec-CH-UA Sec-CH-UA-Arch Sec-CH-UA-Bitness Sec-CH-UA-Full-Version Sec-CH-UA-Full-Version-List Sec-CH-UA-Mobile Sec-CH-UA-Model Sec-CH-UA-Platform Sec-CH-UA-Platform-Version Sec-CH-UA-WoW64 Sec-CH-UA-Form-Factors Sec-CH-Prefers-Color-Scheme Sec-CH-Prefers-Reduced-Motion Sec-CH-Viewport-Width Sec-CH-DPR Sec-CH-Device-Memory Sec-Browsing-Topics Sec-Ad-Auction-Fetch Attribution-Reporting-Eligible Attribution-Reporting-Support Observe-Browsing-Topics X-Client-Data X-Chrome-UMA-Enabled
X-Requested-With X-PJAX X-PJAX-Container X-Inertia X-Inertia-Version X-Livewire HX-Request HX-Current-URL HX-Target HX-Trigger HX-Boosted Turbo-Frame Next-Url Next-Router-State-Tree Next-Router-Prefetch RSC X-Nextjs-Data X-HTTP-Method-Override X-Timezone X-Locale X-Language X-App-Version X-Platform X-Client-Version X-Client-Name Apollographql-Client-Name Apollographql-Client-Version X-Device X-Device-Type X-Build Idempotency-Key X-Idempotency-Key Destination Depth Overwrite Lock-Timeout
X-Playback-Session-Id CMCD-Request CMCD-Object CMCD-Status CMCD-Session Icy-MetaData GetContentFeatures.DLNA.org TransferMode.DLNA.org X-Wap-Profile Profile X-OperaMini-Features X-OperaMini-Phone X-OperaMini-Phone-UA X-Device-User-Agent X-UCBrowser-Device-UA X-ATT-Device-Type
npm-auth-type npm-scope npm-session npm-command npm-in-ci pacote-version pacote-req-type pacote-pkg-id X-NuGet-Session-Id X-NuGet-Client-Version Git-Protocol X-HgArg-1 X-HgProto-1 DAV Docker-Distribution-Api-Version
X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Server X-Forwarded-SSL Forwarded X-Real-IP X-Client-IP True-Client-IP X-Cluster-Client-IP X-Original-Host X-Original-URL X-Rewrite-URL X-Envoy-Original-Path X-Envoy-External-Address Front-End-Https Surrogate-Capability Surrogate-Key X-Cache-Key
CDN-Loop CF-Ray CF-Connecting-IP CF-IPCountry CF-Visitor CF-Worker CF-EW-Via CF-Device-Type Fastly-Client-IP Fastly-FF Fastly-SSL X-Varnish X-Timer X-Akamai-Edgescape X-Akamai-Device-Characteristics Akamai-Origin-Hop CloudFront-Forwarded-Proto CloudFront-Is-Mobile-Viewer CloudFront-Viewer-Country CloudFront-Viewer-TLS CloudFront-Viewer-Address X-Amz-Cf-Id X-Amz-Date X-Azure-Ref X-Azure-ClientIP X-Azure-FDID X-Vercel-Id X-Vercel-IP-Country X-NF-Client-Connection-IP Fly-Client-IP Fly-Region X-AppEngine-Country X-Appengine-User-IP X-Country-Code X-Geo-Country X-Sucuri-ClientIP Incap-Client-IP X-CDN
X-Request-Id X-Request-Start X-Queue-Start Request-Id X-Correlation-Id Correlation-Id X-Trace-Id X-Transaction-Id X-Amzn-Trace-Id X-Cloud-Trace-Context Traceparent Tracestate Baggage B3 X-B3-TraceId X-B3-SpanId X-B3-ParentSpanId X-B3-Sampled X-B3-Flags Uber-Trace-Id Sentry-Trace X-Datadog-Trace-Id X-Datadog-Parent-Id X-Datadog-Sampling-Priority X-Datadog-Origin Newrelic X-NewRelic-Id X-NewRelic-Transaction Elastic-Apm-Traceparent Request-Context X-OT-Span-Context X-Ms-Client-Request-Id X-Dynatrace X-Instana-T Grpc-Trace-Bin Grpc-Timeout X-Envoy-Attempt-Count X-Envoy-Expected-Rq-Timeout-Ms
X-Author X-Authority Author X-Certainty X-Username-Free X-User-Agent X-User-Country Vary X-Feature-Flags X-Debug X-Test X
`.trim().split(/\s+/);

/** Set by proxies, and believed by some origin or framework. */
export const PROXY_NAMES: readonly string[] = `
Forwarded X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Server X-Forwarded-Scheme X-Forwarded-SSL X-Forwarded-URI X-Forwarded-Path X-Forwarded-Method X-Forwarded-User X-Forwarded-Client-Cert X-Forwarded-Anything
Forwarded-For Forwarded-Host Forwarded-Proto X-Real-IP X-Client-IP X-Cluster-Client-IP True-Client-IP Client-IP X-Originating-IP X-Remote-IP X-Remote-Addr Proxy-Client-IP WL-Proxy-Client-IP WL-Proxy-SSL
X-Original-URL X-Rewrite-URL X-Original-URI X-Original-Host X-Original-For X-Original-Proto X-Original-Method X-Original-Forwarded-For X-Host X-HTTP-Host-Override X-HTTP-Path-Override X-Script-Name X-Scheme X-URL-Scheme Front-End-Https
X-Envoy-Original-Path X-Envoy-Original-Host X-Envoy-External-Address X-Envoy-Internal CF-Connecting-IP CF-Connecting-IPv6 CF-Visitor CF-IPCountry Fastly-Client-IP Fastly-SSL Fastly-FF CloudFront-Forwarded-Proto CloudFront-Viewer-Country X-Azure-ClientIP X-Azure-SocketIP
X-ARR-SSL X-ARR-ClientCert X-ARR-Log-Id Ssl-Offloaded X-MS-Client-Principal X-MS-Client-Principal-Id X-AppEngine-User-IP X-Middleware-Subrequest X-Middleware-Rewrite X-Invoke-Path X-Invoke-Query X-Invoke-Status
Client-Cert Client-Cert-Chain X-SSL-Client-Cert SSL-Client-S-DN X-Client-Cert X-Remote-User Remote-User X-Auth-Request-User X-Goog-Authenticated-User-Email X-Amzn-Oidc-Data Proxy
`.trim().split(/\s+/);

/** Of HTTP itself, as a CGI program would read them for the fields with "-". */
export const CGI_NAMES: readonly string[] = `
Content_Length Transfer_Encoding Content_Type Content_Encoding If_None_Match If_Modified_Since Cache_Control Accept_Encoding Accept_Language User_Agent Max_Forwards Keep_Alive Proxy_Connection Proxy_Authorization CDN_Loop Sec_Fetch_Site X_Requested_With
`.trim().split(/\s+/);
