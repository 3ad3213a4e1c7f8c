import type { AskedMove, AskedRequest, GrantRequest, TeamGrant, Visitor } from '../api/schema'
import { devicesAsked, flavorsOf, lastsOf } from '../words/terms'

/** Who looks, as far as it says what he may. */
export type Looker = Pick<Visitor, 'name' | 'permissions' | 'roles'>
/** What somebody does with a request. */
export type RequestMove = Extract<AskedMove['act'], 'approve' | 'counter' | 'deny' | 'accept' | 'withdraw'>
/** What somebody does with a grant; the first three are asked for with a form. */
export type GrantMove = 'extend' | 'change' | 'again' | 'end' | 'restore' | 'keep'

/** What whoever looks may do with a request now, the likeliest first; nothing before it is known who looks. */
export function requestMoves(
  request: Pick<GrantRequest, 'state' | 'requester'>,
  decides: boolean,
  me: Looker | undefined,
): readonly RequestMove[] {
  if (!me) return []
  const mine = me.name === request.requester && me.permissions.includes('request')
  const decided: readonly RequestMove[] = decides && me.permissions.includes('decide') ? ['approve', 'counter', 'deny'] : []
  switch (request.state) {
    case 'waiting':
      return [...decided, ...(mine ? (['withdraw'] as const) : [])]
    case 'offered':
      return mine ? ['accept', 'withdraw'] : []
    default:
      return []
  }
}

/** What can be done with a grant: by whoever asked for it, the people of its team, and administrators. */
export function grantMoves(grant: TeamGrant, me: Looker | undefined): readonly GrantMove[] {
  if (!me) return []
  const mayAsk = me.permissions.includes('request')
  // The server's own user has no roles, and may everything.
  const admin = me.roles.includes('admin') || !me.roles.length
  const owns = admin || me.name === grant.requester || me.roles.includes(`owner of ${grant.team}`)
  const among = admin || me.roles.some((each) => each.endsWith(` of ${grant.team}`))
  const gone = grant.state === 'ended' || grant.state === 'taking-back'
  const ofTeam = grant.kind === 'team' || grant.kind === 'leave'
  const found: GrantMove[] = []
  if (grant.state === 'conflict') return admin && me.permissions.includes('decide') ? ['restore', 'keep'] : []
  if (mayAsk && among && !gone && !ofTeam && grant.terms.until !== null) {
    found.push('extend')
    if (grant.kind === 'gpus') found.push('change')
  }
  if (mayAsk && among && gone && grant.kind === 'gpus') found.push('again')
  if (mayAsk && owns && !gone && !ofTeam) found.push('end')
  return found
}

/** What a form says at first that prolongs a grant, changes it, or asks for it again. */
export function askedAgain(grant: TeamGrant, move: 'extend' | 'change' | 'again') {
  const { since, until, shares } = grant.terms
  const prolongs = { extends: grant.id }
  if (move === 'extend') return prolongs
  const same = {
    team: grant.team,
    ...(shares[0] ? { accelerator: shares[0].flavor, gpus: devicesAsked(grant.terms) } : {}),
    ...(until === null ? {} : { hours: Math.max(1, Math.round((until - since) / 3_600_000)) }),
  }
  return move === 'change' ? { ...same, ...prolongs } : same
}

export function isAsked(move: GrantMove): move is 'extend' | 'change' | 'again' {
  return move === 'extend' || move === 'change' || move === 'again'
}

/** The same request for devices once more, from now on; null where it is of another kind, or prolongs a grant. */
export function askedAnew({ wish, asked, extends: prolongs }: Pick<GrantRequest, 'wish' | 'asked' | 'extends'>): AskedRequest | null {
  if (wish.kind !== 'gpus' || prolongs) return null
  const { kind, team, workload, justification, subject, environment, clusters } = wish
  // Which devices were asked for stands in the terms: a request for several kinds of them was never one.
  const accelerator = flavorsOf(asked)
  if (accelerator.includes(',')) return null
  // What is left out has its usual value; the types of answers say that it is always there.
  return { kind, team, workload, justification, subject, environment, accelerator, clusters, devices: devicesAsked(asked), since: null, lasts: lastsOf(asked) } as unknown as AskedRequest
}
