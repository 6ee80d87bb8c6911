// The product refers to every room: this program links only when the package names every library that they need.
#include <weir/studio/mcp_tools.hpp>

void (*volatile the_product)(weir::mcp::server&, weir::studio::studio&) = &weir::studio::offer;
