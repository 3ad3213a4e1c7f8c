import { describe, expect, it } from 'vitest'
import type { JobRow, JobState } from '../api/schema'
import { GROUPS, JOB } from '../words/states'
import { counted, JobsStore } from './jobs'

const row = (id: string, more: Partial<JobRow> = {}): JobRow => ({
  id,
  name: `job-${id}`,
  team: 'nlp',
  project: '',
  owner: 'ada',
  backend: 'local',
  native: '',
  priority: 'standard',
  devices: 1,
  accelerator: 'a100',
  state: 'queued',
  attempt: 1,
  submitted: 1000,
  started: null,
  ended: null,
  cause: 'submitted',
  said: '',
  version: 1,
  parent: '',
  number: 0,
  metric: null,
  plain: '',
  ...more,
})

describe('jobs as they are told', () => {
  it('keeps the newest version in whatever order they come', async () => {
    const store = new JobsStore(queueMicrotask)
    store.put([row('a', { version: 3, state: 'running' })], 1)
    store.put([row('a', { version: 2, state: 'queued' })], 2)
    await Promise.resolve()
    expect(store.held().rows.map((each) => each.state)).toEqual(['running'])
  })

  it('lists the newest first, and forgets what is gone', async () => {
    const store = new JobsStore(queueMicrotask)
    store.put([row('a', { submitted: 1 }), row('b', { submitted: 3 }), row('c', { submitted: 2 })], 1)
    store.drop('c')
    store.drop('unknown')
    await Promise.resolve()
    expect(store.held().rows.map((each) => each.id)).toEqual(['b', 'a'])
    expect(store.held().complete).toBe(false)
  })

  it('keeps what it knows while all is read anew, and forgets then what is gone', async () => {
    const store = new JobsStore(queueMicrotask)
    store.put([row('a'), row('b'), row('c', { version: 5 })], 1)
    store.finish()
    store.renew()
    store.put([row('c', { version: 4 })], 2)
    await Promise.resolve()
    expect(store.held().rows.length).toBe(3)
    expect(store.held().complete).toBe(false)
    store.put([row('b', { version: 2 })], 3)
    store.finish()
    await Promise.resolve()
    expect(store.held().rows.map((each) => [each.id, each.version])).toEqual([['c', 5], ['b', 2]])
  })

  it('tells whoever looks at once of what comes first, and once of many changes right after', async () => {
    const store = new JobsStore(queueMicrotask)
    let told = 0
    const off = store.subscribe(() => (told += 1))
    store.put([row('0')], 0)
    expect([told, store.held().rows.length]).toEqual([1, 1])
    for (let each = 1; each < 100; each += 1) store.put([row(String(each))], each)
    expect([told, store.held().rows.length]).toEqual([1, 1])
    await Promise.resolve()
    expect([told, store.held().rows.length]).toEqual([2, 100])
    off()
    store.finish()
    await Promise.resolve()
    expect(told).toBe(2)
  })

  it('finds by every word, state, team and back end', () => {
    const store = new JobsStore(queueMicrotask)
    store.put([row('a', { name: 'train-bert' }), row('b', { name: 'train-gpt', team: 'cv', state: 'running' })], 1)
    expect(store.wanted({ text: 'TRAIN bert' }).map((each) => each.id)).toEqual(['a'])
    expect(store.wanted({ states: ['running'] }).map((each) => each.id)).toEqual(['b'])
    expect(store.wanted({ team: 'cv', text: 'ada' }).map((each) => each.id)).toEqual(['b'])
    expect(store.wanted({ backend: 'east' })).toEqual([])
  })

  it('counts what waits, runs and is over', () => {
    const rows = [row('a'), row('b', { state: 'running', devices: 8 }), row('c', { state: 'failed' }), row('d', { state: 'succeeded' })]
    expect(counted(rows)).toEqual({ waiting: 1, running: 1, over: 2, failed: 1, devices: 8 })
  })

  it('counts as many as the list has to which a number leads', () => {
    const store = new JobsStore(queueMicrotask)
    const rows = Object.keys(JOB).map((state) => row(state, { state: state as JobState }))
    store.put(rows, 1)
    const listed = (group: string) => store.wanted({ states: GROUPS.find(([name]) => name === group)?.[1] }).length
    const { waiting, running, failed, over } = counted(rows)
    expect([waiting, running, failed]).toEqual([listed('waiting'), listed('running'), listed('failed')])
    expect(over).toBe(listed('failed') + listed('over'))
  })
})
