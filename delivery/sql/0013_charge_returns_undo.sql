DROP TRIGGER invalid_charges_fit_gone ON delivery_invalid_charge;
DROP TRIGGER invalid_charges_fit_changed ON delivery_invalid_charge;
DROP TRIGGER invalid_charges_fit_new ON delivery_invalid_charge;
DROP TRIGGER charge_return_is_its_sum ON delivery_charge_return;
DROP FUNCTION delivery_invalid_charges_fit();
DROP FUNCTION delivery_charge_return_is_its_sum();
DROP FUNCTION delivery_return_fits(uuid);
