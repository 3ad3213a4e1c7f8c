// A provider of identities for tests: everybody is let in under any name; two groups come with everybody.
//
//   node provider.mjs SETTINGS.json      {port, folder, modules, certificate, key, clients, groups, audience}
//
// Whoever has a file of his name in FOLDER/gone is no person any more; one in FOLDER/groups names his own groups.
import { createServer } from 'node:https';
import { existsSync, readFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { default: Provider } = await import(pathToFileURL(join(settings.modules, 'node_modules/oidc-provider/lib/index.js')));

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const issuer = `https://127.0.0.1:${settings.port}`;

function groupsOf(id) {
  const file = join(settings.folder, 'groups', encodeURIComponent(id));
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : settings.groups;
}

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomBytes(6).toString('hex'), use: 'sig' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
  // Into the ID token itself, and not only to whoever asks for more with an access token.
  conformIdTokenClaims: false,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 600, AuthorizationCode: 60, DeviceCode: 300, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600, ClientCredentials: 600 },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: async () => ({
        scope: 'api', audience: settings.audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  async findAccount(ctx, id) {
    if (existsSync(join(settings.folder, 'gone', encodeURIComponent(id)))) return undefined;
    return {
      accountId: id,
      claims: async () => ({
        sub: id, name: id, preferred_username: id, email: `${id}@acme.example`, email_verified: true, groups: groupsOf(id),
      }),
    };
  },
});

// Why it has failed itself stands in its log.
provider.on('server_error', (ctx, error) => console.error(error));

createServer({ cert: readFileSync(settings.certificate), key: readFileSync(settings.key) }, provider.callback())
  .listen(settings.port, '127.0.0.1', () => console.log('ready'));
