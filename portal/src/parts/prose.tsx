import { blocksIn, piecesOf } from './markdown'

/** A text in Markdown; nothing of it is taken for HTML. */
export function Prose({ text }: { text: string }) {
  return (
    <div className="prose">
      {blocksIn(text).map((each, number) => {
        switch (each.kind) {
          case 'heading':
            return each.level === 1 ? null : <h2 key={number}>{each.text}</h2>
          case 'code':
            return <pre key={number}>{each.text}</pre>
          case 'text':
            return (
              <p key={number}>
                <Line text={each.text} />
              </p>
            )
          case 'list': {
            const items = each.items.map((item, at) => (
              <li key={at}>
                <Line text={item} />
              </li>
            ))
            return each.ordered ? <ol key={number}>{items}</ol> : <ul key={number}>{items}</ul>
          }
          case 'table':
            return (
              <div key={number} className="scroll">
                <table className="table">
                  <thead>
                    <tr>
                      {each.head.map((cell, at) => (
                        <th key={at}>{cell}</th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {each.rows.map((row, at) => (
                      <tr key={at}>
                        {row.map((cell, place) => (
                          <td key={place}>
                            <Line text={cell} />
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
        }
      })}
    </div>
  )
}

function Line({ text }: { text: string }) {
  return (
    <>
      {piecesOf(text).map((each, number) =>
        each.kind === 'code' ? <code key={number}>{each.text}</code> : each.kind === 'strong' ? <strong key={number}>{each.text}</strong> : each.text,
      )}
    </>
  )
}
