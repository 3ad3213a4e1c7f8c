import { Link } from '@tanstack/react-router'
import { Sentence } from '../parts/sentence'
import type { Why } from '../answers/why'
import { factsSaid, screenOf, valueSaid } from '../answers/why_facts'

/** What is known of a cause, and what it rests on: where it was read, what stands there, what that means. */
export function CauseKnown({ of }: { of: Why }) {
  const facts = factsSaid(of)
  if (!facts.length && !of.evidence.length) return null
  return (
    <details className="known">
      <summary>What is known of it</summary>
      {facts.length > 0 && (
        <dl className="facts" aria-label="Facts">
          {facts.map(([name, said]) => (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>
                <Sentence of={said} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {of.evidence.length > 0 && (
        <ul aria-label="Evidence">
          {of.evidence.map((each, number) => {
            const place = screenOf(each, of.source)
            const thing = `${each.object.kind} ${each.object.name}`
            return (
              <li key={number}>
                {place ? <Link {...place}>{thing}</Link> : thing} <span className="faint mono">{each.field}</span>{' '}
                <Sentence of={valueSaid(each.value, each.field)} />
                {each.says && <span className="faint"> · {each.says}</span>}
              </li>
            )
          })}
        </ul>
      )}
    </details>
  )
}
