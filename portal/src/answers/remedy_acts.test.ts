import { describe, expect, it } from 'vitest'
import type { StoredJob } from '../api/schema'
import { actOf, changedJob, shellWords } from './remedy_acts'
import type { Remedy } from './why'

const job = {
  name: 'train', team: 'nlp', replicas: 3, priority: 'batch', run_time: null, sweep: null, program: { image: 'a' },
  needs: { cpu: 4000, memory: 2 ** 33, accelerators: { count: 8, classes: ['a100'] } },
} as unknown as StoredJob['job']
const stored = { id: 'ab12', job, backend: 'local', parent: '' } as unknown as StoredJob
const remedy = (some: Partial<Remedy>): Remedy => ({
  kind: 'other', who: 'user', summary: '', command: null, target: null, patch: null, tried: { starts: 'now', at: null, displaces: [] }, ...some,
})
const of = (some: Partial<Remedy>, facts = {}) => actOf(remedy(some), stored, { facts })

describe('words of a command', () => {
  it.each([
    ['allot stop ab12', ['allot', 'stop', 'ab12']],
    ["allot clone a --set 'name=it'\"'\"'s' && allot stop a", ['allot', 'clone', 'a', '--set', "name=it's", '&&', 'allot', 'stop', 'a']],
  ])('%s', (command, words) => expect(shellWords(command)).toEqual(words))

  it.each(['', 'allot stop $(id)', 'allot stop a; id', 'allot stop a | id', "allot stop 'a", 'allot stop a&&id', 'allot stop "a"', 'allot stop a > b'])('%s is none', (command) =>
    expect(shellWords(command)).toBeNull(),
  )
})

describe('what carries out a remedy', () => {
  it('is a submission anew, with the fields that the command sets and no others', () => {
    const found = of({ command: 'allot clone ab12 --set resources.accelerators.count=4 --set resources.memory=4Gi && allot stop ab12' })
    expect(found).toEqual({
      kind: 'anew',
      submission: {
        backend: 'local', code: '', unwritten: [], supersedes: 'ab12', key: '',
        job: { ...job, needs: { ...job.needs, memory: 2 ** 32, accelerators: { ...job.needs.accelerators, count: 4 } } },
      },
    })
  })

  it.each([
    'allot clone other --set replicas=1 && allot stop other',
    'allot clone ab12 --set replicas=1 && allot stop other',
    'allot clone ab12 --set replicas=1',
    'allot clone ab12 --on there && allot stop ab12',
    'allot clone ab12 --set run.env.LR=1 && allot stop ab12',
    'allot clone ab12 --set replicas=0 && allot stop ab12',
    'allot clone ab12 --set sweep.atOnce=2 && allot stop ab12',
    'kubectl delete job/a -n b',
    'allot stop --all',
  ])('is copied alone: %s', (command) => expect(of({ command })).toBeNull())

  it('is a stop of the jobs that are named', () => expect(of({ command: 'allot stop cd34 ef56' })).toEqual({ kind: 'stop', ids: ['cd34', 'ef56'] }))

  const raise = (value: string, said: string): Partial<Remedy> => ({
    kind: 'raise-quota', target: { kind: 'ClusterQueue', name: 'nlp' }, summary: `raise the nominal quota of the ClusterQueue nlp in flavor t4: ${said}`,
    patch: { op: 'json-patch', body: [{ op: 'replace', path: '/spec/resourceGroups/0/flavors/0/resources/1/nominalQuota', value }] }, command: 'kubectl patch …',
  })
  it('is another quota of devices, in the flavor that the answer tells of', () => {
    expect(of(raise('6', 'nvidia.com/gpu 4 → 6'), { flavor: 't4' })).toEqual({ kind: 'quota', queue: 'nlp', flavor: 't4', amount: 6 })
    expect(of(raise('6', 'cpu 4 → 6'), { flavor: 't4' })).toBeNull()
    expect(of(raise('6', 'nvidia.com/gpu 4 → 6'))).toBeNull()
  })

  it('is a request for as many devices as all its replicas need', () =>
    expect(of({ kind: 'raise-quota', patch: { op: 'signal', body: { quota: 'nlp' } } })).toEqual({ kind: 'ask', team: 'nlp', accelerator: 'a100', gpus: 24 }))
})

describe('a changed job', () => {
  it.each([
    ['resources.cpu', '500m', 500],
    ['resources.cpu', '1.5', 1500],
    ['resources.cpu', '2', 2000],
  ])('%s=%s', (path, value, cpu) => expect(changedJob(job, [[path, value]])?.needs.cpu).toBe(cpu))

  it.each([
    ['resources.memory', '512Mi', 2 ** 29],
    ['resources.memory', '2G', 2e9],
    ['resources.memory', '1024', 1024],
  ])('%s=%s', (path, value, memory) => expect(changedJob(job, [[path, value]])?.needs.memory).toBe(memory))

  it('takes everything or nothing', () => {
    expect(changedJob(job, [['priority', 'urgent'], ['maxRunTime', '60s']])).toMatchObject({ priority: 'urgent', run_time: 60, replicas: 3 })
    expect(changedJob(job, [['priority', 'urgent'], ['volumes', 'x']])).toBeNull()
  })
})
