#include <weir/observe/report.hpp>

namespace weir::observe {

std::string report(loop& owner) { return weir::report(owner); }

std::vector<task_info> task_tree(loop& owner) { return weir::task_tree(owner); }

} // namespace weir::observe
