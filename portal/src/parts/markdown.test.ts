import { describe, expect, it } from 'vitest'
import { blocksIn, piecesOf } from './markdown'

const PAGE = `# gone: it is gone

## By hand

Look
here: \`kubectl get\`.

| symptom | command |
|---|---|
| a \\| b | \`x\` |

1. first
   goes on
2. second

\`\`\`
<b>raw</b>
\`\`\``

describe('pages of causes', () => {
  it('has headings, text, tables, lists and code', () => {
    expect(blocksIn(PAGE)).toEqual([
      { kind: 'heading', level: 1, text: 'gone: it is gone' },
      { kind: 'heading', level: 2, text: 'By hand' },
      { kind: 'text', text: 'Look here: `kubectl get`.' },
      { kind: 'table', head: ['symptom', 'command'], rows: [['a | b', '`x`']] },
      { kind: 'list', ordered: true, items: ['first goes on', 'second'] },
      { kind: 'code', text: '<b>raw</b>' },
    ])
  })

  it('takes code, stress and the words of links out of a line', () => {
    expect(piecesOf('see `a*b` and **that** [page](x.md).')).toEqual([
      { kind: 'plain', text: 'see ' },
      { kind: 'code', text: 'a*b' },
      { kind: 'plain', text: ' and ' },
      { kind: 'strong', text: 'that' },
      { kind: 'plain', text: ' ' },
      { kind: 'plain', text: 'page' },
      { kind: 'plain', text: '.' },
    ])
  })
})
