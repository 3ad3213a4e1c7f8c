import { describe, expect, it } from 'vitest'
import type { ListedRequest } from '../api/queries'
import type { JobRow, TeamGrant, Visitor } from '../api/schema'
import { JobsStore } from '../store/jobs'
import { namedActs } from './named_acts'

const terms = { since: 0, until: 9, price: null, shares: [{ flavor: 'a100', cluster: 'east', devices: 8 }], taken: [] }
const asked = [
  { id: 'r1', state: 'waiting', requester: 'ada', decides: true, wish: { kind: 'gpus', team: 'nlp', subject: '' }, terms },
  { id: 'r2', state: 'waiting', requester: 'eve', decides: false, wish: { kind: 'gpus', team: 'cv', subject: '' }, terms },
] as unknown as readonly ListedRequest[]
const given = [{ id: 'g1', state: 'active', kind: 'gpus', team: 'nlp', requester: 'ada', terms }] as unknown as readonly TeamGrant[]
const me = (permissions: string[], roles: string[] = ['admin']) => ({ name: 'eve', permissions, roles }) as unknown as Visitor
const jobs = new JobsStore()
jobs.put([{ id: 'j1', name: 'train', team: 'nlp', owner: 'ada', project: '', state: 'running', version: 1, submitted: 1 } as unknown as JobRow], 1)
const said = (words: string, who: Visitor) => namedActs(words, { me: who, jobs, asked, given, most: 5 }).map((each) => each.said)
const DECIDES = me(['decide', 'request', 'stop'])

describe('acts with what is named behind a verb', () => {
  it.each([
    ['approve', DECIDES, ['Approve 8 a100 in east for nlp · r1 · ada']],
    ['approve nlp a100', DECIDES, ['Approve 8 a100 in east for nlp · r1 · ada']],
    ['approve cv', DECIDES, []],
    ['withdraw', DECIDES, ['Withdraw 8 a100 in east for cv · r2 · eve']],
    ['offer r1', DECIDES, ['Offer something else than 8 a100 in east for nlp · r1 · ada']],
    ['deny nlp', me([]), []],
    ['extend', DECIDES, ['Extend 8 a100 in east of nlp · g1']],
    ['extend nlp', me(['request'], ['member of cv']), []],
    ['stop train', DECIDES, ['Stop train · j1 · nlp']],
    ['stop', DECIDES, []],
    ['approv', DECIDES, []],
    ['', DECIDES, []],
  ])('%s', (words, who, found) => expect(said(words, who)).toEqual(found))

  it('lead to where it is asked about once more, or to its form', () => {
    const [approve] = namedActs('approve r1', { me: DECIDES, jobs, asked, given, most: 5 })
    expect(approve?.to).toEqual({ to: '/requests/$id', params: { id: 'r1' }, search: { act: 'approve' } })
    const [extend] = namedActs('extend g1', { me: DECIDES, jobs, asked, given, most: 5 })
    expect(extend?.to).toEqual({ to: '/ask', search: { extends: 'g1' } })
  })
})
