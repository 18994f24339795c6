// The dashboard: one page of the admin listener, whole in itself. It asks the other pages every two seconds
// and draws what they say; it loads nothing from anywhere else and needs no build step.
//
// Thread rule: constant data.
#pragma once

#include <string_view>

namespace perigee::control {

extern const std::string_view dashboard_page;

}  // namespace perigee::control
