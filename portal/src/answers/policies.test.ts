import { describe, expect, it } from 'vitest'
import { policiesIn } from './policies'

describe('declared policies', () => {
  it('are those of all files, with what their comments say', () => {
    const found = policiesIn({
      'policies.yaml': '# Queues count.\nkind: Policy\nname: queue-required\nmode: audit # for now\n---\nkind: Policy\nname: labels-required\n',
      'teams/nlp.yaml': 'kind: Team\nname: nlp\n',
      'notes.md': 'kind: Policy\nname: none\n',
    })
    expect(found).toEqual([
      { name: 'labels-required', mode: 'enforce', said: '', file: 'policies.yaml' },
      { name: 'queue-required', mode: 'audit', said: 'Queues count.', file: 'policies.yaml' },
    ])
  })
})
