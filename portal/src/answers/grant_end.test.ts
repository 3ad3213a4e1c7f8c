import { expect, it } from 'vitest'
import type { TeamGrant } from '../api/schema'
import type { DeclaredTeam, QueueStanding } from './documents'
import { grantEnd } from './grant_end'

const share = (cluster: string, flavor: string, devices: number) => ({ cluster, flavor, devices })
const grant = (shares: readonly object[], state = 'active') =>
  ({ id: 'g', team: 'nlp', kind: 'gpus', state, subject: '', terms: { shares, taken: [], since: 0, until: 9, price: null } }) as unknown as TeamGrant
const team = { name: 'nlp', placements: [{ cluster: 'east', environment: 'dev', cohort: null, accelerators: [{ flavor: 'a100', nominal: 8, borrowingLimit: null, lendingLimit: null }] }] } as unknown as DeclaredTeam
const queue = (nominal: number) =>
  ({
    cluster: 'east', clusterQueue: 'nlp', cohort: '', pending: 0,
    quotas: ['cpu', 'nvidia.com/gpu'].map((resource) => ({ clusterQueue: 'nlp', flavor: 'a100', resource, nominal, limit: null, used: 0, borrowed: 0, lent: 0, borrowsFrom: [] })),
  }) as unknown as QueueStanding
const of = (one: TeamGrant, queues = [queue(12)]) => grantEnd(one, [team], [one], queues)

it('is what the queue has without what it gives', () => expect(of(grant([share('east', 'a100', 4)]))).toEqual({ cluster: 'east', changes: ['quota:nlp/a100/nvidia.com/gpu=8'] }))

it('is never less than nothing', () => expect(of(grant([share('east', 'a100', 40)]))?.changes).toEqual(['quota:nlp/a100/nvidia.com/gpu=0']))

it.each([
  ['in several clusters', grant([share('east', 'a100', 4), share('west', 'a100', 4)]), [queue(12)]],
  ['not given yet', grant([share('east', 'a100', 4)], 'due'), [queue(12)]],
  ['of no devices', grant([]), [queue(12)]],
  ['in a queue that is not seen', grant([share('east', 'a100', 4)]), []],
] as const)('cannot be tried %s', (_, one, queues) => expect(of(one, [...queues])).toBeNull())
