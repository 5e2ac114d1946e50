// The default model's trial in Stan: the same unconstrained unknowns and the same density as
// lymphokin's, every patient solved with Stan's own adaptive solver between its stops.
functions {
  vector slopes(real t, vector y, vector q) {
    real extraction = q[3] * y[4] / (q[4] + q[3] * y[4]);
    real level = fmax(1000 * y[2] / q[2], 0.0);
    real occupied = inv_logit(q[12] * (log(fmax(level, 1e-9)) - log(q[11])));
    real goal = q[17] * pow(y[7] / q[16], -q[23]);
    vector[10] dy;
    dy[1] = -q[1] * y[1];
    dy[2] = q[5] * (1 - extraction) * q[1] * y[1] - q[4] * extraction / q[2] * y[2];
    dy[3] = q[8] * (q[6] * level / (q[7] + level) - y[3]);
    dy[4] = q[9] * (1 + y[3] - y[4]);
    dy[5] = q[10] * (occupied - y[5]);
    dy[6] = -q[13] * y[6];
    dy[7] = q[14] * (q[16] * (1 + q[18] * y[6]) - (1 + q[15] * y[5]) * y[7]);
    dy[8] = log2() / q[20] * (q[19] * goal - y[8]);
    dy[9] = log2() / q[21] * ((1 - q[19]) * goal - y[9]);
    dy[10] = -log2() / q[22] * y[10];
    return dy;
  }
}
data {
  int P;                                // patients
  int T;                                // treated patients
  int W;                                // drug windows
  int S;                                // stops per patient
  array[W] int treated_of;              // treated patient of each window
  vector[23] median;                    // of the sampled parameters, on their transformed scale
  vector[23] population_sd;
  vector[7] subject_sd;                 // order of `subject`; the last belongs to the dose scale
  vector[9] treated_sd;                 // order of `treated`
  vector[2] occasion_sd;
  vector[3] subject_log_sd;             // mdsc_baseline, lymphocyte_baseline, radiosensitivity
  array[4] real fixed_values;           // hepatic flow (L/d), message turnover (1/d), Hill, ATRA SD
  array[3] real drive;                  // median, SD and lower bound of the radiation drive
  array[2] real exponent;               // of target volume on the dose scale: mean and SD
  vector[P] log_volume;                 // ln(volume / reference), 0 where the dose is known
  vector[P] dose_spread;                // 1 unless the dose is known
  array[6] real residual;               // ALC: SD, log SD, df; MDSC: SD, log SD; (unused)
  array[2] real edta;                   // ln ratio: mean and SD
  array[P] int stops;                   // stops that are real
  array[P, S] real day;                 // without the lag, in the order in which they come
  array[P, S] int moves;                // whether time passes until this stop
  array[P, S] int is_dose;
  array[P, S] int opens;
  array[P, S] int lane;
  array[P, S] real amount;
  array[P, S] real immune_dose;
  array[P, S] real share;
  array[P] real first_day;
  array[P] int first_lane;
  int R;                                // records
  array[R] int quantity;                // 1 ALC, 2 MDSC, 3 ATRA
  array[R] int patient;
  array[R] int stop_of;
  array[R] int below;
  array[R] int tube;                    // 1 for EDTA
  vector[R] log_value;
  real rtol;
}
parameters {
  vector[30] z;
  matrix[P, 7] subject;
  matrix[T, 9] treated;
  matrix[W, 2] occasion;
}
transformed parameters {
  array[P, S, 3] real shown;            // outputs at each stop, before what happens there
  {
    vector[23] typical = median + population_sd .* z[1:23];
    real cut = Phi((drive[3] - drive[1]) / drive[2]);
    real value = drive[1] + drive[2] * inv_Phi(cut + (1 - cut) * Phi(z[15]));
    typical[15] = log(fmax(value, drive[3] + 1e-9) - drive[3]);
    matrix[W, 13] q;                    // of each window, in the order of `slopes`
    vector[W] lag;
    for (w in 1:W) {
      vector[9] own = treated_sd .* treated[treated_of[w]]';
      vector[2] now = occasion_sd .* occasion[w]';
      q[w, 1] = 24 * exp(typical[1] + own[1] + now[1]);
      lag[w] = 2 * inv_logit(typical[2] + own[2]) / 24;
      q[w, 3] = 24 * exp(typical[3] + own[3]);
      q[w, 2] = exp(typical[4] + own[4]);
      q[w, 4] = fixed_values[1];
      q[w, 5] = inv_logit(typical[5] + own[5] + now[2]);
      q[w, 6] = exp(typical[6] + own[6]);
      q[w, 7] = exp(typical[7] + own[7]);
      q[w, 8] = fixed_values[2];
      q[w, 9] = exp(typical[8] + own[8]);
      q[w, 10] = exp(typical[9]);
      q[w, 11] = exp(typical[10] + own[9]);
      q[w, 12] = fixed_values[3];
      q[w, 13] = exp(typical[11]);
    }
    for (i in 1:P) {
      vector[23] p;
      p[1:13] = q[first_lane[i]]';
      p[14] = exp(typical[12] + subject_sd[1] * subject[i, 1]);
      p[15] = exp(typical[13] + subject_sd[2] * subject[i, 2]);
      p[16] = exp(median[14] + subject_sd[3] * subject[i, 3]);
      p[18] = drive[3] + exp(typical[15] + subject_sd[4] * subject[i, 4]);
      p[17] = exp(median[16] + subject_sd[5] * subject[i, 5]);
      p[19] = inv_logit(typical[20]);
      p[20] = exp(typical[21]);
      p[21] = exp(typical[22]);
      p[22] = exp(typical[19]) / 24;
      p[23] = exp(typical[23]);
      real kill = exp(median[17] + hypot(subject_sd[6], subject_sd[7]) * subject[i, 6]);
      vector[10] y = rep_vector(0, 10);
      y[4] = 1;
      y[7] = p[16];
      y[8] = p[19] * p[17];
      y[9] = (1 - p[19]) * p[17];
      real now = first_day[i];
      for (s in 1:stops[i]) {
        if (moves[i, s]) {
          real next = day[i, s];
          if (is_dose[i, s]) next += lag[lane[i, s]];
          y = SOLVER(slopes, y, now, {next}, rtol, 1e-3 * rtol, 100000, p)[1];
          now = next;
        }
        shown[i, s, 1] = y[8] + y[9] + y[10];
        shown[i, s, 2] = y[7];
        shown[i, s, 3] = 1000 * fmax(y[2], 0.0) / p[2];
        if (opens[i, s]) {
          p[1:13] = q[lane[i, s]]';
          y[1:3] = rep_vector(0, 3);
          y[4] = 1;
        }
        y[1] += amount[i, s];
        if (share[i, s] > 0) {
          real surviving = exp(-kill * immune_dose[i, s]);
          y[10] += (1 - inv_logit(typical[18])) * (1 - surviving) * (y[8] + y[9]);
          y[8:9] *= surviving;
          y[6] += share[i, s];
        }
      }
    }
  }
}
model {
  vector[3] sd = subject_sd[{3, 5, 6}] .* exp(subject_log_sd .* z[24:26]);
  vector[P] shift = (exponent[1] + exponent[2] * z[27]) * log_volume;
  real both = hypot(subject_sd[6], subject_sd[7]);
  z ~ std_normal();
  subject[, 1] ~ std_normal();
  subject[, 2] ~ std_normal();
  subject[, 3] ~ normal(population_sd[14] * z[14] / subject_sd[3], sd[1] / subject_sd[3]);
  subject[, 4] ~ std_normal();
  subject[, 5] ~ normal(population_sd[16] * z[16] / subject_sd[5], sd[2] / subject_sd[5]);
  for (i in 1:P)
    subject[i, 6] ~ normal((population_sd[17] * z[17] + shift[i]) / both,
                           hypot(sd[3], subject_sd[7] * dose_spread[i]) / both);
  subject[, 7] ~ std_normal();
  to_vector(treated) ~ std_normal();
  to_vector(occasion) ~ std_normal();
  for (r in 1:R) {
    real mean = log(fmax(shown[patient[r], stop_of[r], quantity[r]], 1e-9));
    if (quantity[r] == 1) {
      real scale = residual[1] * exp(residual[2] * z[28]);
      if (below[r]) target += student_t_lcdf(log_value[r] | residual[3], mean, scale);
      else target += student_t_lpdf(log_value[r] | residual[3], mean, scale);
    } else {
      real scale = fixed_values[4];
      if (quantity[r] == 2) {
        scale = residual[4] * exp(residual[5] * z[29]);
        mean += tube[r] * (edta[1] + edta[2] * z[30]);
      }
      if (below[r]) target += normal_lcdf(log_value[r] | mean, scale);
      else target += normal_lpdf(log_value[r] | mean, scale);
    }
  }
}
