package writer

import "regexp"

// refusal matches how a model refuses in words, in a row: it cannot help with this, or cannot write
// such a message. What a business says that it cannot do reads differently: not this week, not at
// this hour.
var refusal = regexp.MustCompile(
	` i (?:can t|cannot|can not|(?:won t|will not) be able to|(?:m|am) (?:unable|not able) to) (?:` +
		`(?:assist|help)(?: you)? with (?:this|that|these|such|your request)` +
		`|(?:comply with|fulfill?) (?:this|that|these|such|your request)` +
		`|(?:write|create|generate|provide|produce) (?:this|that|the|such|an?|any)(?: \pL+)? (?:message|text|content|response)) ` +
		`| não (?:posso|consigo|poderei) (?:` +
		`(?:te |lhe )?(?:ajudar|ajudá l[oa]|auxiliar|atender|cumprir)(?: você)?` +
		`(?:(?: com| a)? (?:isso|isto|nisso|nisto)| com (?:ess[ea]|est[ea])|(?: a)? (?:ess[ea]|est[ea]) (?:pedido|solicitação|requisição|tarefa))` +
		`|(?:gerar|escrever|criar|produzir|fornecer) (?:isso|ess[ea]|est[ea]|[oa]|uma?)(?: \pL+)? (?:mensagem|texto|conteúdo|resposta)) ` +
		`| no (?:puedo|podré) (?:` +
		`(?:ayudar|asistir|atender|cumplir)(?:te|l[eoa])?` +
		`(?:(?: con| a| en)? (?:eso|esto)| con (?:es[ea]|est[ea])|(?: a| en)? (?:es[ea]|est[ea]) (?:pedido|solicitud|petición|tarea))` +
		`|(?:generar|escribir|crear|producir|proporcionar) (?:es[ea]|est[ea]|el|la|una?)(?: \pL+)? (?:mensaje|texto|contenido|respuesta)) `)

// refuses reports whether the text says that the model refused.
func refuses(text string) bool { return refusal.MatchString(row(text)) }
