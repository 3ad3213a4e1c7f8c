import { describe, expect, it } from 'vitest'
import type { GrantRequest, GrantState, RequestState, TeamGrant } from '../api/schema'
import { askedAgain, askedAnew, grantMoves, type Looker, requestMoves } from './request_acts'

const who = (name: string, roles: string[], permissions: string[]): Looker => ({ name, roles, permissions }) as unknown as Looker
const OWNER = who('root', [], ['request', 'decide'])
const LEADER = who('eve', ['approver'], ['requests', 'decide'])
const MEMBER = who('ada', ['member of nlp'], ['requests', 'request'])
const HEAD = who('bea', ['owner of nlp'], ['requests', 'request'])
const STRANGER = who('bob', ['member of cv'], ['requests', 'request'])
const VIEWER = who('vic', ['viewer of nlp'], ['requests'])

describe('what may be done with a request', () => {
  const request = (state: RequestState) => ({ state, requester: 'ada' }) as unknown as GrantRequest

  it.each<[string, Looker | undefined, RequestState, boolean, string]>([
    ['whoever decides', LEADER, 'waiting', true, 'approve counter deny'],
    ['whoever does not decide on this one', LEADER, 'waiting', false, ''],
    ['whoever is named, and may decide nothing', VIEWER, 'waiting', true, ''],
    ['its requester', MEMBER, 'waiting', false, 'withdraw'],
    ['its requester, of an offer', MEMBER, 'offered', false, 'accept withdraw'],
    ['whoever decides, of an offer', LEADER, 'offered', true, ''],
    ['another of the team', HEAD, 'waiting', false, ''],
    ['its requester, once it is over', MEMBER, 'denied', false, ''],
    ['whoever decides, once it is over', OWNER, 'approved', true, ''],
    ['somebody not known yet', undefined, 'waiting', true, ''],
  ])('%s', (_, me, state, decides, moves) => expect(requestMoves(request(state), decides, me).join(' ')).toBe(moves))
})

describe('what may be done with a grant', () => {
  const grant = (state: GrantState, more: object = {}) =>
    ({ id: 'r1', state, kind: 'gpus', team: 'nlp', requester: 'ada', terms: { since: 0, until: 7_200_000, shares: [{ flavor: 'a100', devices: 4 }] }, ...more }) as unknown as TeamGrant

  it.each<[string, Looker, TeamGrant, string]>([
    ['a member', who('ann', ['member of nlp'], ['request']), grant('active'), 'extend change'],
    ['its requester', MEMBER, grant('active'), 'extend change end'],
    ["the team's owner", HEAD, grant('active'), 'extend change end'],
    ['somebody of another team', STRANGER, grant('active'), ''],
    ['who only looks', VIEWER, grant('active'), ''],
    ['a member, once it is over', who('ann', ['member of nlp'], ['request']), grant('ended'), 'again'],
    ['its requester, of one that is for good', MEMBER, grant('active', { terms: { since: 0, until: null, shares: [] } }), 'end'],
    ['its requester, of a notebook', MEMBER, grant('active', { kind: 'notebook' }), 'extend end'],
    ['its requester, in a conflict', MEMBER, grant('conflict'), ''],
    ["the server's own user, in a conflict", OWNER, grant('conflict'), 'restore keep'],
    ["the server's own user, of a team", OWNER, grant('active', { kind: 'team' }), ''],
  ])('%s', (_, me, of, moves) => expect(grantMoves(of, me).join(' ')).toBe(moves))

  it('begins a form with what it was', () => {
    expect(askedAgain(grant('active'), 'extend')).toEqual({ extends: 'r1' })
    expect(askedAgain(grant('active'), 'change')).toEqual({ extends: 'r1', team: 'nlp', accelerator: 'a100', gpus: 4, hours: 2 })
    expect(askedAgain(grant('ended'), 'again')).toEqual({ team: 'nlp', accelerator: 'a100', gpus: 4, hours: 2 })
  })
})

describe('a request that was withdrawn', () => {
  const wish = { kind: 'gpus', team: 'nlp', workload: 'training', justification: 'why', subject: '', environment: '', accelerator: '', clusters: ['east'], image: '', size: 0 }
  const request = (some: object = {}) => ({ wish, asked: { since: 5, until: 7_200_005, shares: [{ flavor: 'a100', cluster: 'east', devices: 4 }], taken: [], price: 1 }, extends: '', ...some }) as unknown as GrantRequest

  it('is asked for as it was', () =>
    expect(askedAnew(request())).toEqual({
      kind: 'gpus', team: 'nlp', workload: 'training', justification: 'why', subject: '', environment: '', accelerator: 'a100', clusters: ['east'], devices: 4, since: null, lasts: 7_200_000,
    }))

  it.each([{ wish: { ...wish, kind: 'team' } }, { extends: 'g1' }])('and not where more belongs to it: %o', (some) => expect(askedAnew(request(some))).toBeNull())
})
