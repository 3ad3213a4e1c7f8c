import { Prose } from '../parts/prose'
import { State } from '../parts/state'
import { DRIFT } from '../words/drift'
import { GRANT, JOB, REQUEST, type StateLook } from '../words/states'

/** Each state of each kind of thing, by shape, colour and word. */
export function States() {
  const kinds: readonly (readonly [string, Readonly<Record<string, StateLook>>])[] = [
    ['Jobs', JOB],
    ['Requests', REQUEST],
    ['Grants', GRANT],
    ['Drift', DRIFT],
  ]
  return (
    <dl className="facts">
      {kinds.map(([name, looks]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd className="filters">
            {Object.entries(looks).map(([each, look]) => (
              <State key={each} of={look} />
            ))}
          </dd>
        </div>
      ))}
    </dl>
  )
}

const TEXT = `# quota-used-up

The queue **nlp** has used its quota of \`a100\`.

## What helps

1. wait until \`train-bert\` ends
2. ask for more: \`allot request gpus 8 --team nlp\`

- a list
- with two points

| queue | used |
|---|---|
| nlp | 32 |
| cv | 8 |

\`\`\`
allot why train-gpt
\`\`\`
`

export function Texts() {
  return (
    <>
      <Prose text={TEXT} />
      <p>
        Ink, <span className="faint">faint</span>, <code>code</code>, <a href="#there">a link</a>, <span className="tone-bad">bad</span>, <span className="tone-wait">waits</span>,{' '}
        <span className="tone-good">good</span>, <kbd>Ctrl</kbd> <kbd>K</kbd>
      </p>
    </>
  )
}
