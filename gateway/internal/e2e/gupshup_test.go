package e2e

import "time"

// gupshupMessage returns the payload of a text in a version 2 callback.
func gupshupMessage(phone, id, text string) object {
	return object{
		"id": id, "source": phone, "type": "text", "payload": object{"text": text},
		"sender": object{"phone": phone, "name": "Ada Prado"},
	}
}

// gupshupV2 returns a version 2 callback.
func gupshupV2(payload object) object {
	return object{"app": gsName, "timestamp": time.Now().UnixMilli(), "version": 2, "type": "message", "payload": payload}
}

// gupshupV3 returns a version 3 callback with a text.
func gupshupV3(phone, id, text string) object {
	return object{
		"gs_app_id": gsApp, "object": "whatsapp_business_account",
		"entry": []any{object{"id": "310000000000099", "changes": []any{object{"field": "messages", "value": object{
			"messaging_product": "whatsapp",
			"metadata":          object{"display_phone_number": gsSource, "phone_number_id": "410000000000099"},
			"contacts":          []any{object{"wa_id": phone, "profile": object{"name": "Ada Prado"}}},
			"messages": []any{object{
				"from": phone, "id": id, "timestamp": unix(time.Now()), "type": "text", "text": object{"body": text},
			}},
		}}}}},
	}
}
