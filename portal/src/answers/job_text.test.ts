import { describe, expect, it } from 'vitest'
import { flowList, said, scalar, withValue, wordsOf, written } from './job_text'

const FILE = `# My first one.
kind: Job
name: train-llm   # as on the board
team: nlp
run:
  # No shell reads it.
  command: [sh, -c, "python train.py --lr 1e-4, twice # not a comment"]
  env:
    LR: 3e-4
resources: {accelerators: {class: a100, count: 2}, cpu: 4} # enough
data:
  - s3://bucket/one
  - s3://bucket/two

maxRunTime: 4h
`

describe('a job file as text', () => {
  it('is read where it stands', () => {
    expect(said(FILE, 'name')).toBe('train-llm')
    expect(written(FILE, 'resources', 'accelerators', 'class')).toBe('a100')
    expect(said(FILE, 'run', 'env', 'LR')).toBe('3e-4')
    expect(wordsOf(FILE, 'run', 'command')).toEqual(['sh', '-c', 'python train.py --lr 1e-4, twice # not a comment'])
    expect(wordsOf(FILE, 'data')).toEqual(['s3://bucket/one', 's3://bucket/two'])
    expect([said(FILE, 'nothing'), said(FILE, 'name', 'deeper'), wordsOf(FILE, 'name')]).toEqual([null, null, null])
  })

  it.each<[string[], string | null, string, string]>([
    [['name'], 'other', 'name: train-llm   #', 'name: other   #'],
    [['resources', 'accelerators', 'count'], '16', 'count: 2', 'count: 16'],
    [['resources', 'memory'], '8Gi', 'cpu: 4}', 'cpu: 4, memory: 8Gi}'],
    [['resources', 'accelerators', 'class'], null, '{class: a100, count: 2}', '{count: 2}'],
    [['resources', 'cpu'], null, ', cpu: 4}', '}'],
    [['run', 'env', 'LR'], '1', 'LR: 3e-4', 'LR: 1'],
    [['run', 'image'], 'x:1', '    LR: 3e-4\n', '    LR: 3e-4\n  image: x:1\n'],
    [['data'], '[a]', 'data:\n  - s3://bucket/one\n  - s3://bucket/two\n', 'data: [a]\n'],
    [['data'], null, 'data:\n  - s3://bucket/one\n  - s3://bucket/two\n', ''],
    [['priority'], 'low', 'maxRunTime: 4h\n', 'maxRunTime: 4h\npriority: low\n'],
    [['checkpoint', 'interval'], '5m', 'maxRunTime: 4h\n', 'maxRunTime: 4h\ncheckpoint: {interval: 5m}\n'],
  ])('%j becomes %s, and nothing else changes', (path, value, before, after) => {
    expect(FILE).toContain(before)
    expect(withValue(FILE, path, value)).toBe(FILE.replace(before, after))
  })

  it('leaves a text alone that says it already', () => {
    expect(withValue(FILE, ['team'], 'nlp')).toBe(FILE)
    expect(withValue(FILE, ['never', 'there'], null)).toBe(FILE)
  })

  it('turns a short form into the whole', () => {
    expect(withValue('run: train.py # it\n', ['run', 'command'], '[a]')).toBe('run: {command: [a]} # it\n')
    expect(withValue('', ['resources', 'cpu'], '1')).toBe('resources: {cpu: 1}\n')
    expect(withValue('a: 1', ['b'], '2')).toBe('a: 1\nb: 2\n')
  })

  it('quotes what YAML would take for something else', () => {
    expect(['train', 'a: b', 'yes', '#x', 'a #b', '', '- a'].map(scalar)).toEqual(['train', '"a: b"', '"yes"', '"#x"', '"a #b"', '""', '"- a"'])
    expect(flowList(['sh', '-c', 'a, b'])).toBe('[sh, "-c", "a, b"]')
  })
})
