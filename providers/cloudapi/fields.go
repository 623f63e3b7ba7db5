package cloudapi

import (
	"strings"

	"wagate/providers"
)

// fieldKind returns the kind of a change if the field alone decides it, and whether the field is
// known. For a field that holds items it returns the kind of a value without any.
func fieldKind(field string) (providers.Kind, bool) {
	switch field {
	case "messages", "calls", "smb_message_echoes", "history", "user_preferences":
		return providers.KindUnknown, true
	case "template_category_update":
		return providers.KindTemplate, true
	case "account_update", "account_alerts", "account_review_update", "account_settings_update",
		"phone_number_quality_update", "phone_number_name_update", "business_capability_update",
		"business_status_update", "business_username_updates", "security", "smb_app_state_sync",
		"payment_configuration_update":
		return providers.KindAccount, true
	}
	if strings.HasPrefix(field, "message_template_") {
		return providers.KindTemplate, true
	}
	return providers.KindUnknown, false
}
