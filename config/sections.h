// One function per section of the configuration file. Internal to this room; `load_config` calls
// them.
//
// Each fills in the defaults, and tells what is wrong to the reader's context. At start-up only.
#pragma once

#include <cstddef>

#include "config/config.h"
#include "config/table_reader.h"

namespace driftd {

[[nodiscard]] DaemonConfig read_daemon(TableReader& table);
[[nodiscard]] StateConfig read_state(TableReader& table);
[[nodiscard]] StoreConfig read_store(TableReader& table);
// `position` is that of the [[source]] in the file; the stored offsets are kept under it.
[[nodiscard]] KafkaSourceConfig read_source(TableReader& table, std::size_t position);
[[nodiscard]] ModelConfig read_model(TableReader& table);
[[nodiscard]] WebhookConfig read_webhook(TableReader& table, std::size_t position);

}  // namespace driftd
